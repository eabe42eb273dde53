//! Answers that are pages.

use actix_web::HttpResponse;
use actix_web::body::MessageBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, LOCATION, RETRY_AFTER};
use askama::Template;
use bytes::Bytes;

use super::error::PageError;

/// A page. Every one says who is signed in, so nobody but the browser keeps it, and the browser asks again.
///
/// # Errors
/// The template fails, which only a template that calls something fallible can.
pub fn page(status: StatusCode, template: &impl Template) -> Result<HttpResponse, PageError> {
    answer(status, template, "private, no-cache")
}

/// A page with something on it that must not stay in a browser's cache, such as a coupon's code.
///
/// # Errors
/// See [`page`].
pub fn secret_page(status: StatusCode, template: &impl Template) -> Result<HttpResponse, PageError> {
    answer(status, template, "no-store")
}

/// A page that says to try again, and when.
///
/// # Errors
/// See [`page`].
pub fn later_page(status: StatusCode, template: &impl Template, retry_after_s: u32) -> Result<HttpResponse, PageError> {
    let mut response = page(status, template)?;
    response.headers_mut().insert(RETRY_AFTER, retry_after_s.into());
    Ok(response)
}

fn answer(status: StatusCode, template: &impl Template, caching: &'static str) -> Result<HttpResponse, PageError> {
    Ok(of_html(status, template.render()?, caching))
}

/// A page that is rendered already.
#[must_use]
pub fn html(status: StatusCode, html: Bytes) -> HttpResponse {
    of_html(status, html, "private, no-cache")
}

fn of_html(status: StatusCode, html: impl MessageBody + 'static, caching: &'static str) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((CACHE_CONTROL, caching))
        .body(html)
}

/// Sends the browser on after a form was taken, so that reloading sends nothing twice.
#[must_use]
pub fn see_other(path: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, path)).insert_header((CACHE_CONTROL, "no-store")).finish()
}
