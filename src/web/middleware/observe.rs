//! Metrics of requests: their number and their duration, by route.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest};
use metrics::{Counter, Histogram, counter, histogram};
use tokio::time::Instant;

use crate::web::request::endpoint::Pattern;

/// Records a request when its response begins.
///
/// All unknown paths share one route label and all unknown methods share one method label, so that clients cannot
/// create new time series.
///
/// # Errors
/// The errors of the handler.
pub async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let began = Instant::now();
    let method = method_label(request.method());
    let response = next.call(request).await?;
    record(method, route_of(response.request()), response.status(), began.elapsed());
    Ok(response)
}

/// The route's pattern. A request that the gate refuses was not routed, so actix matches its path now.
fn route_of(request: &HttpRequest) -> Rc<str> {
    let routed = request.app_data::<Pattern>().map(|pattern| Rc::clone(&pattern.0));
    routed.unwrap_or_else(|| request.match_pattern().as_deref().unwrap_or("none").into())
}

/// This thread's handles of the time series, by their labels. Looking a series up in the registry costs more than
/// recording. The map is bounded by the number of methods, routes and statuses.
type Series = HashMap<(&'static str, Rc<str>, StatusCode), (Counter, Histogram)>;

thread_local! {
    static SERIES: RefCell<Series> = RefCell::default();
}

fn record(method: &'static str, route: Rc<str>, status: StatusCode, took: Duration) {
    SERIES.with_borrow_mut(|series| {
        let (requests, seconds) = series.entry((method, route, status)).or_insert_with_key(|(method, route, status)| {
            let status = status.as_u16().to_string();
            (
                counter!("muster_http_requests_total", "method" => *method, "route" => route.to_string(), "status" => status),
                histogram!("muster_http_request_seconds", "method" => *method, "route" => route.to_string()),
            )
        });
        requests.increment(1);
        seconds.record(took);
    });
}

fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}
