//! Problem documents (RFC 9457): how every refusal and every failure of the API is written.
//!
//! Owns the shape: `type`, `title`, `status`, `detail`, `code`, `errors`, and the few further members that a code brings. What
//! the codes mean is in [`super::error`].

use std::borrow::Cow;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::error::Code;
use crate::auth::AuthError;
use crate::domain::FieldProblem;
use crate::limits::RateLimited;
use crate::store::StoreError;

/// The media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// When to come back after passwords were queueing up.
const BUSY_RETRY_S: u32 = 2;
/// When to come back while Postgres is away.
const UNAVAILABLE_RETRY_S: u32 = 5;

/// A problem, ready to be answered. Boxed inside, for it travels in the error half of many results.
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
    /// With `not_enough_left`: the most units that may be taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available: Option<u32>,
    /// With `buyer_limit`: the most units of one buyer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// With `already_redeemed`: when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redeemed_at: Option<DateTime<Utc>>,
    /// With `already_redeemed`: at which till.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redeemed_where: Option<String>,
}

/// The document, in the order in which people read it.
#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "<[FieldProblem]>::is_empty")]
    errors: &'a [FieldProblem],
    #[serde(flatten)]
    extra: &'a Extra,
}

impl Problem {
    /// The problem of this code, with the code's own sentence.
    #[must_use]
    pub fn new(code: Code) -> Self {
        Self(Box::new(Parts { code, detail: None, errors: Vec::new(), retry_after_s: None, extra: Extra::default() }))
    }

    /// Fields that are not right.
    #[must_use]
    pub fn invalid(errors: Vec<FieldProblem>) -> Self {
        let mut problem = Self::new(Code::Invalid);
        problem.0.errors = errors;
        problem
    }

    /// Something broke. It is logged under a number that the answer names, and the answer says nothing else about it.
    #[must_use]
    pub fn internal(error: &dyn std::error::Error) -> Self {
        let report = uuid::Uuid::now_v7();
        tracing::error!(%error, %report, "a request could not be answered");
        Self::new(Code::Internal)
            .detail(format!("It was noted as {report}. Repeat the request later; name this number if it goes on."))
    }

    /// Says more precisely what happened and what to do.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Names the fields, parameters or headers that are meant.
    #[must_use]
    pub fn errors(mut self, errors: Vec<FieldProblem>) -> Self {
        self.0.errors = errors;
        self
    }

    /// Says when trying again is of use.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_s = Some(seconds.max(1));
        self
    }

    /// Adds the members that the code brings.
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

    /// What went wrong and what to do, for people.
    #[must_use]
    pub fn sentence(&self) -> &str {
        self.0.detail.as_deref().unwrap_or(self.0.code.meaning().sentence)
    }

    /// What is wrong with which field.
    #[must_use]
    pub fn field_problems(&self) -> &[FieldProblem] {
        &self.0.errors
    }

    /// After how many seconds trying again is of use.
    #[must_use]
    pub fn retry_after_s(&self) -> Option<u32> {
        self.0.retry_after_s
    }

    /// The document as it is sent.
    #[must_use]
    pub fn to_json(&self) -> String {
        let meaning = self.0.code.meaning();
        let document = Document {
            r#type: format!("/api/docs#{}", meaning.word),
            title: meaning.title,
            status: meaning.status.as_u16(),
            detail: self.sentence(),
            code: meaning.word,
            errors: &self.0.errors,
            extra: &self.0.extra,
        };
        // Strings, numbers and times: there is nothing in it that could not be written.
        serde_json::to_string(&document).unwrap_or_default()
    }
}

impl From<Code> for Problem {
    fn from(code: Code) -> Self {
        Self::new(code)
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

impl From<RateLimited> for Problem {
    fn from(too_many: RateLimited) -> Self {
        Self::new(Code::TooManyRequests).retry_after(too_many.retry_after_s)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(error) => {
                tracing::warn!(%error, "Postgres is away");
                Self::new(Code::Unavailable).retry_after(UNAVAILABLE_RETRY_S)
            }
            error => Self::internal(&error),
        }
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Busy => Self::new(Code::Busy).retry_after(BUSY_RETRY_S),
            AuthError::Unavailable => Self::new(Code::Unavailable).retry_after(UNAVAILABLE_RETRY_S),
            AuthError::Store(error) => error.into(),
            error @ AuthError::Broken => Self::internal(&error),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.meaning().word, self.sentence())
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

/// RFC 6750, section 3: no error code where no token was shown.
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
    fn a_problem_is_written_as_rfc_9457_says() {
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
    fn waiting_is_said_in_a_header_and_never_zero() {
        let response = Problem::new(Code::Busy).retry_after(0).error_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers().get(RETRY_AFTER).unwrap(), "1");
        assert_eq!(response.headers().get(CONTENT_TYPE).unwrap(), PROBLEM_JSON);
    }

    #[test]
    fn a_401_says_how_to_prove_who_one_is() {
        let response = Problem::new(Code::BadToken).error_response();
        assert_eq!(
            response.headers().get(WWW_AUTHENTICATE).unwrap(),
            "Bearer realm=\"muster\", error=\"invalid_token\""
        );
    }
}
