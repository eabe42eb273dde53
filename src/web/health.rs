//! Whether the node is alive, whether it should get requests, and what it counts.

use actix_web::HttpResponse;
use actix_web::web::Data;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::app::App;
use crate::shutdown::Shutdown;

/// The process answers: nothing else is asked, so that a database that is away does not get nodes restarted.
pub(super) async fn alive() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok\n")
}

/// Postgres answers and the node is not ending: send requests. Without Redis it is ready, too.
pub(super) async fn ready(app: Data<App>, shutdown: Data<Shutdown>) -> HttpResponse {
    if shutdown.has_begun() {
        return HttpResponse::ServiceUnavailable().content_type("text/plain").body("ending\n");
    }
    match app.ledger.ping().await {
        Ok(now) => {
            app.clock.correct(now);
            HttpResponse::Ok().content_type("text/plain").body("ready\n")
        }
        Err(error) => {
            tracing::warn!(%error, "not ready");
            HttpResponse::ServiceUnavailable().content_type("text/plain").body("Postgres is away\n")
        }
    }
}

/// What the node counts, in Prometheus' text format.
pub(super) async fn metrics(handle: Data<Option<PrometheusHandle>>) -> HttpResponse {
    match handle.get_ref() {
        Some(handle) => HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(handle.render()),
        None => HttpResponse::NotFound().content_type("text/plain").body("this process does not count\n"),
    }
}
