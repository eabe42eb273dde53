//! Content codings (RFC 9110): negotiation and compression.
//!
//! Compressing a page takes several times as long as the rest of its request. A body that many requests share is
//! compressed once per coding, when the first request asks for it ([`CompressedBody`]). The middleware compresses
//! responses that are made for one reader, at a faster setting.

use std::io::Write as _;
use std::sync::OnceLock;

use actix_web::http::header::{
    ACCEPT_ENCODING, AcceptEncoding, CONTENT_ENCODING, ContentEncoding, Encoding, Header as _, HeaderMap, HeaderName,
    HeaderValue, VARY,
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// The quality for shared bodies. The output is about 8 % smaller than gzip's and takes two to three times as long.
const BROTLI_QUALITY: i32 = 5;
const BROTLI_WINDOW_BITS: i32 = 18;
const GZIP_LEVEL: u32 = 6;
/// The codings of shared bodies. If a request accepts several codings equally, the first of them wins.
const CODINGS: [Encoding; 3] = [Encoding::brotli(), Encoding::gzip(), Encoding::identity()];

/// Keeps caches from serving one client's coding to another.
pub const VARY_ACCEPT_ENCODING: (HeaderName, HeaderValue) = (VARY, HeaderValue::from_static("accept-encoding"));

/// A response body that many requests share, in each content coding requested so far.
#[derive(Debug)]
pub struct CompressedBody {
    identity: Bytes,
    brotli: OnceLock<Bytes>,
    gzip: OnceLock<Bytes>,
}

impl CompressedBody {
    /// Wraps an uncompressed body.
    #[must_use]
    pub fn new(identity: impl Into<Bytes>) -> Self {
        Self { identity: identity.into(), brotli: OnceLock::new(), gzip: OnceLock::new() }
    }

    /// The uncompressed body.
    #[must_use]
    pub fn identity(&self) -> &Bytes {
        &self.identity
    }

    /// The response with this body, in the coding that the request prefers.
    #[must_use]
    pub fn respond(&self, request: &HttpRequest, response: &mut HttpResponseBuilder) -> HttpResponse {
        let coding = negotiate(request, &CODINGS);
        let mut response = response.body(self.encoded(coding).clone());
        set_headers(response.headers_mut(), coding);
        response
    }

    fn encoded(&self, coding: ContentEncoding) -> &Bytes {
        match coding {
            ContentEncoding::Brotli => self.brotli.get_or_init(|| brotli(&self.identity)),
            ContentEncoding::Gzip => self.gzip.get_or_init(|| gzip(&self.identity)),
            _ => &self.identity,
        }
    }
}

/// Sets `Vary` and `Content-Encoding`.
pub fn set_headers(headers: &mut HeaderMap, coding: ContentEncoding) {
    let (name, value) = VARY_ACCEPT_ENCODING;
    headers.insert(name, value);
    if coding != ContentEncoding::Identity {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.as_str()));
    }
}

/// The offered coding that the request prefers. [`ContentEncoding::Identity`] if the request has no `Accept-Encoding`,
/// or accepts none of the offered codings.
pub fn negotiate(request: &HttpRequest, offered: &[Encoding]) -> ContentEncoding {
    if !request.headers().contains_key(ACCEPT_ENCODING) {
        return ContentEncoding::Identity;
    }
    let chosen = AcceptEncoding::parse(request).ok().and_then(|accepted| accepted.negotiate(offered.iter()));
    match chosen {
        Some(Encoding::Known(coding)) => coding,
        _ => ContentEncoding::Identity,
    }
}

// Both compressors write to memory, which cannot fail.

fn brotli(bytes: &[u8]) -> Bytes {
    let params = brotli::enc::BrotliEncoderParams {
        quality: BROTLI_QUALITY,
        lgwin: BROTLI_WINDOW_BITS,
        size_hint: bytes.len(),
        ..Default::default()
    };
    let mut encoded = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut encoded, &params).ok();
    encoded.into()
}

/// Compresses to gzip.
pub fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL));
    encoder.write_all(bytes).ok();
    encoder.finish().unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use actix_web::test::TestRequest;

    use super::*;

    fn negotiated(accepted: &str) -> ContentEncoding {
        negotiate(&TestRequest::default().insert_header((ACCEPT_ENCODING, accepted)).to_http_request(), &CODINGS)
    }

    #[test]
    fn every_coding_decodes_to_the_original_body() {
        let text = "3 more buyers needed. ".repeat(500);
        let page = CompressedBody::new(text.clone());
        let (mut from_brotli, mut from_gzip) = (Vec::new(), String::new());
        let (brotli, gzip) = (page.encoded(ContentEncoding::Brotli), page.encoded(ContentEncoding::Gzip));
        brotli::BrotliDecompress(&mut &**brotli, &mut from_brotli).unwrap();
        flate2::read::GzDecoder::new(&**gzip).read_to_string(&mut from_gzip).unwrap();
        assert_eq!((from_brotli.as_slice(), from_gzip.as_str()), (text.as_bytes(), text.as_str()));
        assert!(brotli.len() < 200 && gzip.len() < 200, "{} and {} bytes", brotli.len(), gzip.len());
    }

    #[test]
    fn each_coding_is_compressed_once() {
        let page = CompressedBody::new("a page");
        for coding in [ContentEncoding::Brotli, ContentEncoding::Gzip, ContentEncoding::Identity] {
            assert_eq!(page.encoded(coding).as_ptr(), page.encoded(coding).as_ptr(), "{coding:?}");
        }
    }

    #[test]
    fn browsers_get_brotli_and_other_clients_what_they_accept() {
        assert_eq!(negotiated("gzip, deflate, br, zstd"), ContentEncoding::Brotli);
        assert_eq!(negotiated("gzip, deflate"), ContentEncoding::Gzip);
        assert_eq!(negotiated("gzip;q=1.0, br;q=0.5"), ContentEncoding::Gzip);
        assert_eq!(negotiated("br;q=0, gzip"), ContentEncoding::Gzip);
        assert_eq!(negotiated("identity"), ContentEncoding::Identity);
        assert_eq!(negotiated("zstd"), ContentEncoding::Identity);
        assert_eq!(negotiated("!?"), ContentEncoding::Identity);
        assert_eq!(negotiate(&TestRequest::default().to_http_request(), &CODINGS), ContentEncoding::Identity);
    }
}
