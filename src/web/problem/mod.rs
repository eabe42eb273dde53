//! Problem documents (RFC 9457): the body of every refusal and failure that the API answers with.
//!
//! Owns their shape: `type`, `title`, `status`, `detail`, `code`, `errors`, and the members that only some codes have.
//! Also owns the codes themselves ([`Code`]), and the mapping from the errors and refusals of other modules to codes.

mod code;
mod english;
mod from_errors;
mod from_refusals;

use std::borrow::Cow;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use chrono::{DateTime, Utc};
use serde::Serialize;

pub use self::code::{Code, Meaning};
pub use self::english::sentence;
use crate::domain::FieldProblem;

/// The media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A problem that can be sent as a response. It is boxed to keep the `Result`s that carry it small.
pub struct Problem(Box<Parts>);

struct Parts {
    code: Code,
    detail: Option<Cow<'static, str>>,
    errors: Vec<FieldProblem>,
    retry_after_s: Option<u32>,
    extra: Extra,
}

/// Members that only some codes have.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Extra {
    /// With `not_enough_left`: maximum units that the buyer can join with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available: Option<u32>,
    /// With `buyer_limit`: maximum units that one buyer can hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// With `already_redeemed`: when the coupon was redeemed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redeemed_at: Option<DateTime<Utc>>,
    /// With `already_redeemed`: the name of the till.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redeemed_where: Option<String>,
}

/// The document's members, in the order in which they are serialised.
#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ShownFieldProblem<'a>>,
    #[serde(flatten)]
    extra: &'a Extra,
}

/// A [`FieldProblem`] with its sentence.
#[derive(Serialize)]
struct ShownFieldProblem<'a> {
    pointer: &'a str,
    code: &'static str,
    message: String,
}

impl<'a> From<&'a FieldProblem> for ShownFieldProblem<'a> {
    fn from(problem: &'a FieldProblem) -> Self {
        Self { pointer: &problem.pointer, code: problem.code(), message: sentence(&problem.kind) }
    }
}

impl Problem {
    /// A problem with the code's own detail.
    #[must_use]
    pub fn new(code: Code) -> Self {
        Self(Box::new(Parts { code, detail: None, errors: Vec::new(), retry_after_s: None, extra: Extra::default() }))
    }

    /// A 422 that reports these fields.
    #[must_use]
    pub fn invalid(errors: Vec<FieldProblem>) -> Self {
        let mut problem = Self::new(Code::Invalid);
        problem.0.errors = errors;
        problem
    }

    /// A 500. Logs the error with a new id; the response contains that id and nothing else about the error.
    #[must_use]
    pub fn internal(error: &dyn std::error::Error) -> Self {
        let report = uuid::Uuid::now_v7();
        tracing::error!(%error, %report, "request failed");
        Self::new(Code::Internal)
            .detail(format!("Logged as {report}. Repeat the request later; quote this id if it keeps happening."))
    }

    /// Replaces the code's detail with a more precise one.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Sets the fields or parameters that the problem is about.
    #[must_use]
    pub fn errors(mut self, errors: Vec<FieldProblem>) -> Self {
        self.0.errors = errors;
        self
    }

    /// Sets `Retry-After`, to one second at least.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_s = Some(seconds.max(1));
        self
    }

    /// Sets the members that only this code has.
    #[must_use]
    pub fn extra(mut self, extra: Extra) -> Self {
        self.0.extra = extra;
        self
    }

    /// What went wrong, for programs.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The detail that is sent: what to do now.
    #[must_use]
    pub fn detail_text(&self) -> &str {
        self.0.detail.as_deref().unwrap_or(self.0.code.meaning().detail)
    }

    /// The fields or parameters that the problem is about.
    #[must_use]
    pub fn field_problems(&self) -> &[FieldProblem] {
        &self.0.errors
    }

    /// The document as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let meaning = self.0.code.meaning();
        let document = Document {
            r#type: format!("/api/docs#{}", meaning.name),
            title: meaning.title,
            status: meaning.status.as_u16(),
            detail: self.detail_text(),
            code: meaning.name,
            errors: self.0.errors.iter().map(ShownFieldProblem::from).collect(),
            extra: &self.0.extra,
        };
        // Serialising strings, numbers and times cannot fail.
        serde_json::to_string(&document).unwrap_or_default()
    }
}

impl From<Vec<FieldProblem>> for Problem {
    fn from(errors: Vec<FieldProblem>) -> Self {
        Self::invalid(errors)
    }
}

impl From<FieldProblem> for Problem {
    fn from(error: FieldProblem) -> Self {
        Self::invalid(vec![error])
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.meaning().name, self.detail_text())
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Problem({self})")
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.0.code.meaning().status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON)));
        if let Some(seconds) = self.0.retry_after_s {
            response.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        if self.status_code() == StatusCode::UNAUTHORIZED {
            response.insert_header((WWW_AUTHENTICATE, challenge(self.0.code)));
        }
        response.body(self.to_json())
    }
}

/// The `WWW-Authenticate` of a 401. It has an error code only if the request had a token (RFC 6750, section 3).
fn challenge(code: Code) -> HeaderValue {
    HeaderValue::from_static(match code {
        Code::BadToken => "Bearer realm=\"muster\", error=\"invalid_token\"",
        _ => "Bearer realm=\"muster\"",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_serialised_as_rfc_9457_defines() {
        let problem = Problem::new(Code::NotEnoughLeft).extra(Extra { available: Some(2), ..Extra::default() });
        let document: serde_json::Value = serde_json::from_str(&problem.to_json()).unwrap();
        assert_eq!(
            document,
            serde_json::json!({
                "type": "/api/docs#not_enough_left",
                "title": "Fewer units may be taken",
                "status": 409,
                "detail": "Ask for at most as many units as available says.",
                "code": "not_enough_left",
                "available": 2,
            })
        );
    }

    #[test]
    fn retry_after_is_a_header_and_never_zero() {
        let response = Problem::new(Code::Busy).retry_after(0).error_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers().get(RETRY_AFTER).unwrap(), "1");
        assert_eq!(response.headers().get(CONTENT_TYPE).unwrap(), PROBLEM_JSON);
    }

    #[test]
    fn a_401_has_a_bearer_challenge() {
        let response = Problem::new(Code::BadToken).error_response();
        assert_eq!(
            response.headers().get(WWW_AUTHENTICATE).unwrap(),
            "Bearer realm=\"muster\", error=\"invalid_token\""
        );
    }
}
