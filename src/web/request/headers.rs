//! Idempotency keys and conditional request headers.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH};
use actix_web::{FromRequest, HttpRequest};

use crate::domain::IdempotencyKey;
use crate::web::problem::{Code, Problem};
use crate::web::request::etag::{Versions, parse_versions};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The response header that is `true` if an earlier request with the same key had this effect.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// A required `Idempotency-Key`.
#[derive(Clone, Debug)]
pub struct IdempotencyHeader(pub IdempotencyKey);

/// An optional `Idempotency-Key`.
#[derive(Clone, Debug)]
pub struct MaybeIdempotencyHeader(pub Option<IdempotencyKey>);

/// The versions that the client expects to change, from a required `If-Match`.
#[derive(Clone, Debug)]
pub struct IfMatch(pub Versions);

/// The versions that the client has cached, from an optional `If-None-Match`.
#[derive(Clone, Debug)]
pub struct IfNoneMatch(pub Option<String>);

impl FromRequest for IdempotencyHeader {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let key = key(request.headers());
        ready(key.and_then(|key| key.ok_or_else(|| Problem::new(Code::KeyMissing))).map(Self))
    }
}

impl FromRequest for MaybeIdempotencyHeader {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(key(request.headers()).map(Self))
    }
}

fn key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, Problem> {
    let mut keys = headers.get_all(IDEMPOTENCY_KEY);
    let Some(key) = keys.next() else { return Ok(None) };
    let unusable = |reason: &str| {
        Problem::new(Code::KeyMissing)
            .detail(format!("The Idempotency-Key cannot be used: {reason}. Send 1 to 255 visible ASCII characters."))
    };
    if keys.next().is_some() {
        return Err(unusable("there are several"));
    }
    let text = key.to_str().map_err(|_| unusable("the key has a character that is not visible ASCII"))?;
    IdempotencyKey::parse(text).map(Some).map_err(|error| unusable(&error.to_string()))
}

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match request.headers().get(IF_MATCH) {
            None => Err(Problem::new(Code::IfMatchMissing)),
            Some(tags) => tags.to_str().ok().and_then(parse_versions).map(Self).ok_or_else(|| {
                Problem::new(Code::BadHeader)
                    .detail("The If-Match cannot be read. Send the ETag of the deal as it came, with its quotes.")
            }),
        })
    }
}

impl FromRequest for IfNoneMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let tags = request.headers().get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
        ready(Ok(Self(tags.map(ToOwned::to_owned))))
    }
}

impl IfNoneMatch {
    /// Whether the client has this version. The comparison is weak (RFC 9110, section 13.1.2).
    #[must_use]
    pub fn has(&self, etag: &str) -> bool {
        self.0.as_deref().is_some_and(|tags| {
            tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
        })
    }
}
