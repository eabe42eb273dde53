//! `GET /c`: the page behind a coupon's QR code, for people who scan it with a phone.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::view::coupon::ScannedPage;
use crate::web::page::Context;
use crate::web::page::PageError;
use crate::web::page::render;

/// `GET /c`. The code is in the fragment of the address, so the server never receives it: all coupons share this page.
pub async fn scanned(context: Context) -> Result<HttpResponse, PageError> {
    render::page(StatusCode::OK, &ScannedPage { layout: context.layout() })
}
