//! Counts requests and how long they took, by route: for `/metrics`.

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

use super::resource::Pattern;

/// Counts a request when its answer begins. Addresses that do not exist are one route, and methods that nobody knows are one
/// method: what strangers make up does not become a metric.
///
/// # Errors
/// Those of the handlers, which it passes on.
pub async fn requests(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let began = Instant::now();
    let method = known(request.method());
    let response = next.call(request).await?;
    count(method, route_of(response.request()), response.status(), began.elapsed());
    Ok(response)
}

/// Who is refused at the gate was not routed.
fn route_of(request: &HttpRequest) -> Rc<str> {
    let routed = request.app_data::<Pattern>().map(|pattern| Rc::clone(&pattern.0));
    routed.unwrap_or_else(|| request.match_pattern().as_deref().unwrap_or("none").into())
}

/// The series of each method, route and status that this thread has answered: looking them up by their labels each time would
/// cost more than counting. As many as there are routes and statuses, and no more.
type Series = HashMap<(&'static str, Rc<str>, StatusCode), (Counter, Histogram)>;

thread_local! {
    static SERIES: RefCell<Series> = RefCell::default();
}

fn count(method: &'static str, route: Rc<str>, status: StatusCode, took: Duration) {
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

fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}
