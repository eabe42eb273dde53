//! HTML error pages for browsers, even if the error does not come from a page's handler but from the gate, an unknown
//! path, or a form that could not be read.

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use actix_web::middleware::Next;

use crate::web::page::PageError;

/// Replaces an error response that is not HTML with the error page of its status. Responses below `/api/` stay as they
/// are.
///
/// # Errors
/// Never fails: the errors of handlers become pages too.
pub async fn error_pages(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let for_people = !request.path().starts_with("/api/");
    let response = next.call(request).await?;
    let status = response.status();
    let is_page = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !for_people || is_page || !(status.is_client_error() || status.is_server_error()) {
        return Ok(response.map_into_boxed_body());
    }
    let kept: Vec<_> = [RETRY_AFTER, ALLOW]
        .into_iter()
        .filter_map(|name| response.headers().get(&name).cloned().map(|value| (name, value)))
        .collect();
    let (request, _) = response.into_parts();
    let mut page = actix_web::ResponseError::error_response(&PageError::of(status));
    for (name, value) in kept {
        page.headers_mut().insert(name, value);
    }
    Ok(ServiceResponse::new(request, page))
}
