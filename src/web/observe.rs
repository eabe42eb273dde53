//! Counts requests and how long they took, by route: for `/metrics`.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::middleware::Next;
use metrics::{counter, histogram};
use tokio::time::Instant;

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
    let route = response.request().match_pattern().unwrap_or_else(|| "none".to_owned());
    let status = response.status().as_u16().to_string();
    histogram!("muster_http_request_seconds", "method" => method, "route" => route.clone()).record(began.elapsed());
    counter!("muster_http_requests_total", "method" => method, "route" => route, "status" => status).increment(1);
    Ok(response)
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
