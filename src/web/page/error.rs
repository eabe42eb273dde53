//! Errors of page handlers, and the pages that they become.
//!
//! An error page is rendered without Redis, Postgres or anything else that can fail.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError};
use askama::Template as _;
use serde::Serialize;

use super::error_view::ErrorPage;
use super::layout::Layout;
use super::response::{REVALIDATE, html, see_other};
use crate::people::AuthError;
use crate::store::StoreError;

/// `Retry-After` when Postgres is unavailable.
const UNAVAILABLE_RETRY_S: u32 = 5;
/// `Retry-After` when too many requests wait, or authentication is unavailable.
const BUSY_RETRY_S: u32 = 2;

/// Why a handler of a page failed: an error page, or a redirect to sign in.
#[derive(Debug)]
pub struct PageError(Kind);

#[derive(Debug)]
enum Kind {
    /// Show the error page of this status.
    Page { status: StatusCode, layout: Box<Layout>, retry_after_s: Option<u32> },
    /// Redirect to the sign-in page, which leads back to this path.
    SignIn { back_to: String },
}

impl PageError {
    /// A 404: the thing does not exist, or this visitor may not know of it.
    #[must_use]
    pub fn not_found(layout: Layout) -> Self {
        Self::page(StatusCode::NOT_FOUND, layout, None)
    }

    /// A 403: the account lacks the permission.
    #[must_use]
    pub fn forbidden(layout: Layout) -> Self {
        Self::page(StatusCode::FORBIDDEN, layout, None)
    }

    /// A 429: a rate limit is exhausted.
    #[must_use]
    pub fn too_many(layout: Layout, retry_after_s: u32) -> Self {
        Self::page(StatusCode::TOO_MANY_REQUESTS, layout, Some(retry_after_s))
    }

    /// A 503: something that the page needs is unavailable.
    #[must_use]
    pub fn unavailable(retry_after_s: u32) -> Self {
        Self::page(StatusCode::SERVICE_UNAVAILABLE, Layout::bare(), Some(retry_after_s))
    }

    /// A 500: a defect, which the caller has logged.
    #[must_use]
    pub fn broken() -> Self {
        Self::page(StatusCode::INTERNAL_SERVER_ERROR, Layout::bare(), None)
    }

    /// A redirect to the sign-in page, which leads back to this path.
    #[must_use]
    pub fn sign_in_first(back_to: &str) -> Self {
        Self(Kind::SignIn { back_to: back_to.to_owned() })
    }

    /// The error page of any status.
    #[must_use]
    pub fn of(status: StatusCode) -> Self {
        Self::page(status, Layout::bare(), None)
    }

    fn page(status: StatusCode, layout: Layout, retry_after_s: Option<u32>) -> Self {
        Self(Kind::Page { status, layout: Box::new(layout), retry_after_s })
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        if let StoreError::Unavailable(_) = error {
            tracing::warn!(%error, "Postgres is unavailable");
            return Self::unavailable(UNAVAILABLE_RETRY_S);
        }
        if let StoreError::Busy = error {
            return Self::unavailable(BUSY_RETRY_S);
        }
        tracing::error!(%error, "page failed");
        Self::broken()
    }
}

impl From<AuthError> for PageError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Busy | AuthError::Unavailable => Self::unavailable(BUSY_RETRY_S),
            AuthError::Store(error) => error.into(),
            AuthError::Broken => {
                tracing::error!(%error, "page failed");
                Self::broken()
            }
        }
    }
}

impl From<askama::Error> for PageError {
    fn from(error: askama::Error) -> Self {
        tracing::error!(%error, "template failed to render");
        Self::broken()
    }
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Page { status, .. } => write!(f, "answered with the error page of status {status}"),
            Kind::SignIn { .. } => f.write_str("redirected to the sign-in page"),
        }
    }
}

#[derive(Serialize)]
struct SignInQuery<'a> {
    next: &'a str,
}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        match &self.0 {
            Kind::Page { status, .. } => *status,
            Kind::SignIn { .. } => StatusCode::SEE_OTHER,
        }
    }

    fn error_response(&self) -> HttpResponse {
        match &self.0 {
            Kind::SignIn { back_to } => {
                let query = serde_urlencoded::to_string(SignInQuery { next: back_to }).unwrap_or_default();
                see_other(&format!("/sign-in?{query}"))
            }
            Kind::Page { status, layout, retry_after_s } => {
                let Ok(page) = ErrorPage::new(Layout::clone(layout), status.as_u16()).render() else {
                    return HttpResponse::new(*status);
                };
                let mut response = html(*status, REVALIDATE);
                if let Some(seconds) = retry_after_s {
                    response.insert_header((RETRY_AFTER, *seconds));
                }
                response.body(page)
            }
        }
    }
}
