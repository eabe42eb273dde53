//! Templates as responses.

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::error::PageError;
use super::response::{REVALIDATE, html};
use crate::web::content_coding::CompressedBody;

/// A page.
///
/// # Errors
/// The template fails to render, which is a defect.
pub fn page(status: StatusCode, template: &impl Template) -> Result<HttpResponse, PageError> {
    Ok(html(status, REVALIDATE).body(template.render()?))
}

/// A page with content that browsers must not store, such as a coupon code.
///
/// # Errors
/// See [`page`].
pub fn secret_page(status: StatusCode, template: &impl Template) -> Result<HttpResponse, PageError> {
    Ok(html(status, "no-store").body(template.render()?))
}

/// A page with a `Retry-After` header.
///
/// # Errors
/// See [`page`].
pub fn retry_page(status: StatusCode, template: &impl Template, retry_after_s: u32) -> Result<HttpResponse, PageError> {
    let mut response = page(status, template)?;
    response.headers_mut().insert(RETRY_AFTER, retry_after_s.into());
    Ok(response)
}

/// A page whose body is shared by many requests.
#[must_use]
pub fn shared_page(request: &HttpRequest, body: &CompressedBody) -> HttpResponse {
    body.respond(request, &mut html(StatusCode::OK, REVALIDATE))
}
