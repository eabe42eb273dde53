//! Compression of responses that are made for one reader.

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{ContentEncoding, Encoding, VARY};
use actix_web::middleware::Next;

use crate::web::content_coding::{gzip, negotiate, set_headers};

/// Shorter bodies fit into one packet, so compressing them saves nothing.
const BYTES_MIN: usize = 1024;

/// If a request accepts several codings equally, the first of them wins.
const CODINGS: [Encoding; 2] = [Encoding::gzip(), Encoding::identity()];

/// Compresses the response on this thread. `actix_web`'s own middleware moves each body to another thread, which takes
/// longer than compressing it. Short and streamed responses, and those that already have a `Vary` header, stay as they
/// are.
///
/// # Errors
/// The errors of the handler.
pub async fn compress(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = next.call(request).await?;
    if response.headers().contains_key(VARY) {
        return Ok(response.map_into_boxed_body());
    }
    let coding = negotiate(response.request(), &CODINGS);
    let mut compressed = false;
    let mut response = response.map_body(|_, body| match body.try_into_bytes() {
        Ok(whole) if whole.len() >= BYTES_MIN && coding == ContentEncoding::Gzip => {
            compressed = true;
            BoxBody::new(gzip(&whole))
        }
        Ok(whole) => BoxBody::new(whole),
        Err(body) => body.boxed(),
    });
    set_headers(response.headers_mut(), if compressed { coding } else { ContentEncoding::Identity });
    Ok(response)
}
