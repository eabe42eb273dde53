//! Errors as pages. They are made from what is at hand: no Redis, no Postgres, no second thing that can fail.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use super::render;
use super::view::Shell;
use super::view::trouble::TroublePage;
use crate::auth::AuthError;
use crate::store::StoreError;

/// Why there is no page.
#[derive(Debug)]
pub struct PageError(Kind);

#[derive(Debug)]
enum Kind {
    /// A trouble page of this status.
    Trouble { status: StatusCode, shell: Box<Shell>, retry_after_s: Option<u32> },
    /// Sign in, then come back here.
    SignIn { back_to: String },
}

impl PageError {
    /// There is nothing here, or nothing that this visitor may know of.
    #[must_use]
    pub fn not_found(shell: Shell) -> Self {
        Self::trouble(StatusCode::NOT_FOUND, shell, None)
    }

    /// This account may not do that.
    #[must_use]
    pub fn forbidden(shell: Shell) -> Self {
        Self::trouble(StatusCode::FORBIDDEN, shell, None)
    }

    /// Too much at once from this visitor.
    #[must_use]
    pub fn too_many(shell: Shell, retry_after_s: u32) -> Self {
        Self::trouble(StatusCode::TOO_MANY_REQUESTS, shell, Some(retry_after_s))
    }

    /// What is needed is away.
    #[must_use]
    pub fn unavailable(retry_after_s: u32) -> Self {
        Self::trouble(StatusCode::SERVICE_UNAVAILABLE, Shell::bare(), Some(retry_after_s))
    }

    /// A defect; whoever makes it has logged why.
    #[must_use]
    pub fn broken() -> Self {
        Self::trouble(StatusCode::INTERNAL_SERVER_ERROR, Shell::bare(), None)
    }

    /// Nobody is signed in: sign in, then come back to this path.
    #[must_use]
    pub fn sign_in_first(back_to: &str) -> Self {
        Self(Kind::SignIn { back_to: back_to.to_owned() })
    }

    /// Whatever stands behind this status.
    #[must_use]
    pub fn of(status: StatusCode) -> Self {
        Self::trouble(status, Shell::bare(), None)
    }

    fn trouble(status: StatusCode, shell: Shell, retry_after_s: Option<u32>) -> Self {
        Self(Kind::Trouble { status, shell: Box::new(shell), retry_after_s })
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        if let StoreError::Unavailable(_) = error {
            tracing::warn!(%error, "no page without Postgres");
            return Self::unavailable(5);
        }
        tracing::error!(%error, "a page failed");
        Self::broken()
    }
}

impl From<AuthError> for PageError {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Busy | AuthError::Unavailable => Self::unavailable(2),
            AuthError::Store(error) => error.into(),
            AuthError::Broken => {
                tracing::error!(%error, "a page failed");
                Self::broken()
            }
        }
    }
}

impl From<askama::Error> for PageError {
    fn from(error: askama::Error) -> Self {
        tracing::error!(%error, "a template failed");
        Self::broken()
    }
}

impl fmt::Display for PageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Trouble { status, .. } => write!(f, "answered with a page of status {status}"),
            Kind::SignIn { .. } => f.write_str("sent to the sign-in page"),
        }
    }
}

#[derive(Serialize)]
struct BackTo<'a> {
    next: &'a str,
}

impl ResponseError for PageError {
    fn status_code(&self) -> StatusCode {
        match &self.0 {
            Kind::Trouble { status, .. } => *status,
            Kind::SignIn { .. } => StatusCode::SEE_OTHER,
        }
    }

    fn error_response(&self) -> HttpResponse {
        match &self.0 {
            Kind::SignIn { back_to } => {
                let query = serde_urlencoded::to_string(BackTo { next: back_to }).unwrap_or_default();
                render::see_other(&format!("/sign-in?{query}"))
            }
            Kind::Trouble { status, shell, retry_after_s } => {
                let page = TroublePage::new(Shell::clone(shell), status.as_u16());
                let made = match retry_after_s {
                    Some(seconds) => render::later_page(*status, &page, *seconds),
                    None => render::page(*status, &page),
                };
                made.unwrap_or_else(|_| HttpResponse::new(*status))
            }
        }
    }
}
