//! Answers that are pages.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, LOCATION, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use askama::Template;

use super::error::PageError;
use crate::web::content_coding::Coded;

/// Every page says who is signed in, so nobody but the browser keeps it, and the browser asks again.
const ASK_AGAIN: &str = "private, no-cache";

/// A page.
///
/// # Errors
/// The template fails, which only a template that calls something fallible can.
pub fn page(status: StatusCode, template: &impl Template) -> Result<HttpResponse, PageError> {
    answer(status, template, ASK_AGAIN)
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

/// A page that many are shown alike.
#[must_use]
pub fn page_for_many(request: &HttpRequest, html: &Coded) -> HttpResponse {
    html.answer(request, &mut of_html(StatusCode::OK, ASK_AGAIN))
}

fn answer(status: StatusCode, template: &impl Template, caching: &'static str) -> Result<HttpResponse, PageError> {
    Ok(of_html(status, caching).body(template.render()?))
}

fn of_html(status: StatusCode, caching: &'static str) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    answer.content_type("text/html; charset=utf-8").insert_header((CACHE_CONTROL, caching));
    answer
}

/// Sends the browser on after a form was taken, so that reloading sends nothing twice.
#[must_use]
pub fn see_other(path: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, path)).insert_header((CACHE_CONTROL, "no-store")).finish()
}
