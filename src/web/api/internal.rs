//! What those who watch over a node reach, on a listener of its own: it tells more than strangers should know.

use actix_web::web::Data;
use actix_web::{HttpResponse, ResponseError};
use metrics_exporter_prometheus::PrometheusHandle;

use crate::web::error::Code;
use crate::web::problem::Problem;

/// `GET /metrics`: what the node counts, in Prometheus' text format.
pub async fn metrics(handle: Data<Option<PrometheusHandle>>) -> HttpResponse {
    match handle.get_ref() {
        Some(handle) => HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(handle.render()),
        None => Problem::new(Code::NoSuchRoute).detail("This process does not count.").error_response(),
    }
}
