//! Pages and files in the content codings that browsers ask for.
//!
//! To compress a page takes several times as long as everything else about it. So what is the same for many is compressed once for
//! all of them, by whoever asks for it first ([`Coded`]); what is made for one reader is compressed quickly, and where it is made
//! ([`compress`]): `actix_web`'s own middleware hands each page to another thread, which takes longer than compressing it.

use std::io::Write as _;
use std::sync::OnceLock;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    ACCEPT_ENCODING, AcceptEncoding, CONTENT_ENCODING, ContentEncoding, Encoding, Header as _, HeaderMap, HeaderName,
    HeaderValue, VARY,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// For many: 8 % smaller than gzip, in two to three times as long.
const BROTLI_QUALITY: i32 = 5;
const BROTLI_WINDOW_BITS: i32 = 18;
const GZIP_LEVEL: u32 = 6;
/// What is shorter fits into the packet anyway.
const BYTES_MIN: usize = 1024;

/// Best first, where a request likes several equally.
const FOR_MANY: [Encoding; 3] = [Encoding::brotli(), Encoding::gzip(), Encoding::identity()];
const FOR_ONE: [Encoding; 2] = [Encoding::gzip(), Encoding::identity()];

/// What an answer says of itself, so that whoever keeps it asks again for those who read other codings.
pub const VARIES: (HeaderName, HeaderValue) = (VARY, HeaderValue::from_static("accept-encoding"));

/// One body in each content coding that was asked for so far.
#[derive(Debug)]
pub struct Coded {
    identity: Bytes,
    brotli: OnceLock<Bytes>,
    gzip: OnceLock<Bytes>,
}

impl Coded {
    /// Of a body as it is.
    #[must_use]
    pub fn new(identity: impl Into<Bytes>) -> Self {
        Self { identity: identity.into(), brotli: OnceLock::new(), gzip: OnceLock::new() }
    }

    /// As it is.
    #[must_use]
    pub fn identity(&self) -> &Bytes {
        &self.identity
    }

    /// The answer with this body, in the coding that this request likes best.
    #[must_use]
    pub fn answer(&self, request: &HttpRequest, answer: &mut HttpResponseBuilder) -> HttpResponse {
        let coding = preferred(request, &FOR_MANY);
        let mut answer = answer.body(self.coded(coding).clone());
        say(answer.headers_mut(), coding);
        answer
    }

    fn coded(&self, coding: ContentEncoding) -> &Bytes {
        match coding {
            ContentEncoding::Brotli => self.brotli.get_or_init(|| brotli(&self.identity)),
            ContentEncoding::Gzip => self.gzip.get_or_init(|| gzip(&self.identity)),
            _ => &self.identity,
        }
    }
}

/// Compresses what is made for one reader. What says already that it may be coded stays as it is, and so does what is short, or
/// not whole yet.
///
/// # Errors
/// Those of the handlers, which it passes on.
pub async fn compress(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = next.call(request).await?;
    if response.headers().contains_key(VARY) {
        return Ok(response.map_into_boxed_body());
    }
    let coding = preferred(response.request(), &FOR_ONE);
    let mut coded = false;
    let mut response = response.map_body(|_, body| match body.try_into_bytes() {
        Ok(whole) if whole.len() >= BYTES_MIN && coding == ContentEncoding::Gzip => {
            coded = true;
            BoxBody::new(gzip(&whole))
        }
        Ok(whole) => BoxBody::new(whole),
        Err(body) => body.boxed(),
    });
    say(response.headers_mut(), if coded { coding } else { ContentEncoding::Identity });
    Ok(response)
}

fn say(headers: &mut HeaderMap, coding: ContentEncoding) {
    let (name, value) = VARIES;
    headers.insert(name, value);
    if coding != ContentEncoding::Identity {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.as_str()));
    }
}

/// Who says nothing, or wants nothing that we have, gets it as it is.
fn preferred(request: &HttpRequest, ours: &[Encoding]) -> ContentEncoding {
    if !request.headers().contains_key(ACCEPT_ENCODING) {
        return ContentEncoding::Identity;
    }
    let chosen = AcceptEncoding::parse(request).ok().and_then(|accepted| accepted.negotiate(ours.iter()));
    match chosen {
        Some(Encoding::Known(coding)) => coding,
        _ => ContentEncoding::Identity,
    }
}

// Writing to memory cannot fail.

fn brotli(bytes: &[u8]) -> Bytes {
    let params = brotli::enc::BrotliEncoderParams {
        quality: BROTLI_QUALITY,
        lgwin: BROTLI_WINDOW_BITS,
        size_hint: bytes.len(),
        ..Default::default()
    };
    let mut coded = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut coded, &params).ok();
    coded.into()
}

fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL));
    encoder.write_all(bytes).ok();
    encoder.finish().unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use actix_web::test::TestRequest;

    use super::*;

    fn preferred_of(accepted: &str) -> ContentEncoding {
        preferred(&TestRequest::default().insert_header((ACCEPT_ENCODING, accepted)).to_http_request(), &FOR_MANY)
    }

    #[test]
    fn whatever_the_coding_what_is_read_is_the_same() {
        let text = "3 more buyers needed. ".repeat(500);
        let page = Coded::new(text.clone());
        let (mut from_brotli, mut from_gzip) = (Vec::new(), String::new());
        let (brotli, gzip) = (page.coded(ContentEncoding::Brotli), page.coded(ContentEncoding::Gzip));
        brotli::BrotliDecompress(&mut &**brotli, &mut from_brotli).unwrap();
        flate2::read::GzDecoder::new(&**gzip).read_to_string(&mut from_gzip).unwrap();
        assert_eq!((from_brotli.as_slice(), from_gzip.as_str()), (text.as_bytes(), text.as_str()));
        assert!(brotli.len() < 200 && gzip.len() < 200, "{} and {} bytes", brotli.len(), gzip.len());
    }

    #[test]
    fn each_coding_is_made_once() {
        let page = Coded::new("a page");
        for coding in [ContentEncoding::Brotli, ContentEncoding::Gzip, ContentEncoding::Identity] {
            assert_eq!(page.coded(coding).as_ptr(), page.coded(coding).as_ptr(), "{coding:?}");
        }
    }

    #[test]
    fn browsers_get_brotli_and_others_what_they_understand() {
        assert_eq!(preferred_of("gzip, deflate, br, zstd"), ContentEncoding::Brotli);
        assert_eq!(preferred_of("gzip, deflate"), ContentEncoding::Gzip);
        assert_eq!(preferred_of("gzip;q=1.0, br;q=0.5"), ContentEncoding::Gzip);
        assert_eq!(preferred_of("br;q=0, gzip"), ContentEncoding::Gzip);
        assert_eq!(preferred_of("identity"), ContentEncoding::Identity);
        assert_eq!(preferred_of("zstd"), ContentEncoding::Identity);
        assert_eq!(preferred_of("!?"), ContentEncoding::Identity);
        assert_eq!(preferred(&TestRequest::default().to_http_request(), &FOR_MANY), ContentEncoding::Identity);
    }
}
