//! Building blocks of page responses.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, LOCATION};
use actix_web::{HttpResponse, HttpResponseBuilder};

/// Keeps shared caches out, because a page shows who is signed in, and makes the browser revalidate.
pub const REVALIDATE: &str = "private, no-cache";

/// An HTML response with this `Cache-Control`.
#[must_use]
pub fn html(status: StatusCode, cache_control: &'static str) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.content_type("text/html; charset=utf-8").insert_header((CACHE_CONTROL, cache_control));
    response
}

/// A redirect after a form was processed, so that reloading the page does not submit it again.
#[must_use]
pub fn see_other(path: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, path)).insert_header((CACHE_CONTROL, "no-store")).finish()
}
