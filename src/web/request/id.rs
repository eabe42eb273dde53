//! Ids in paths.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use uuid::Uuid;

use crate::domain::{CouponId, DealId, SignupId, TokenId};
use crate::web::problem::{Code, Problem};

/// The `{id}` segment of the path: a UUID in its hyphenated form.
#[derive(Clone, Copy, Debug)]
pub struct Id<T>(pub T);

/// The id types that can be a path segment.
pub trait PathId: From<Uuid> {}

impl PathId for DealId {}
impl PathId for SignupId {}
impl PathId for CouponId {}
impl PathId for TokenId {}

impl<T: PathId> FromRequest for Id<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").and_then(parse_id);
        ready(id.map(|id| Self(id.into())).ok_or_else(|| Problem::new(Code::BadId)))
    }
}

/// Parses a hyphenated UUID. The forms without hyphens, with braces or as a URN are refused.
#[must_use]
pub fn parse_id(text: &str) -> Option<Uuid> {
    if text.len() == 36 { Uuid::try_parse(text).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_hyphenated_uuid_is_an_id() {
        assert!(parse_id("0197f3b0-5c1e-7c3a-9d2b-1f0a6e4c8b5d").is_some());
        for other in [
            "",
            "1",
            "0197f3b05c1e7c3a9d2b1f0a6e4c8b5d",
            "{0197f3b0-5c1e-7c3a-9d2b-1f0a6e4c8b5d}",
            "zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz",
        ] {
            assert!(parse_id(other).is_none(), "{other}");
        }
    }
}
