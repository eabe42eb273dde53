//! Converts errors of other modules to problems.

use super::{Code, Problem};
use crate::engine::LaneFull;
use crate::limits::RateLimited;
use crate::people::AuthError;
use crate::store::StoreError;

/// `Retry-After` when too many passwords, lookups of tokens or reads are waiting.
const BUSY_RETRY_S: u32 = 2;
/// `Retry-After` when Postgres is unavailable.
const UNAVAILABLE_RETRY_S: u32 = 5;

impl From<RateLimited> for Problem {
    fn from(limited: RateLimited) -> Self {
        Self::new(Code::TooManyRequests).retry_after(limited.retry_after_s)
    }
}

impl From<LaneFull> for Problem {
    fn from(full: LaneFull) -> Self {
        Self::new(Code::Busy).retry_after(full.retry_after_s)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(error) => {
                tracing::warn!(%error, "Postgres is unavailable");
                Self::new(Code::Unavailable).retry_after(UNAVAILABLE_RETRY_S)
            }
            StoreError::Busy => Self::new(Code::Busy).retry_after(BUSY_RETRY_S),
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
