//! Browser sessions, and how long they last.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::people::SecretHash;

/// How long sessions last.
#[derive(Clone, Copy, Debug)]
pub struct SessionLength {
    /// From sign-in.
    pub lifetime: Duration,
    /// From the last use.
    pub idle: Duration,
}

impl SessionLength {
    /// Whole seconds from sign-in.
    pub(in crate::people) fn lifetime_s(self) -> i64 {
        seconds(self.lifetime)
    }

    /// Whole seconds from the last use.
    pub(in crate::people) fn idle_s(self) -> i64 {
        seconds(self.idle)
    }
}

/// A session as its owner sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    pub hash: SecretHash,
    /// When the owner signed in.
    pub created_at: DateTime<Utc>,
    /// When the session expires unless it is used again.
    pub expires_at: DateTime<Utc>,
}

fn seconds(length: Duration) -> i64 {
    i64::try_from(length.as_secs()).unwrap_or(i64::MAX)
}
