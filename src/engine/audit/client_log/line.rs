//! The lines of a client log.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{AccountId, DealId, Figures, SignupId};

/// A line with the client's time. The time is for people; no check uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedLine {
    /// When the line was written, by the client's clock.
    pub at: DateTime<Utc>,
    pub line: Line,
}

/// The content of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Line {
    /// Logged before a call.
    Call {
        /// The call's number in this file.
        n: u64,
        #[serde(flatten)]
        call: Call,
    },
    /// Logged after a call: its answer, or the error if there was no answer.
    Reply {
        /// The call's number.
        n: u64,
        #[serde(flatten)]
        reply: Reply,
    },
    /// A frame was received.
    Frame {
        /// The socket's number in this file.
        socket: u64,
        frame: Frame,
    },
    /// A socket closed.
    Closed {
        /// The socket's number in this file.
        socket: u64,
        /// Always true. A line with this field is a `Closed` line.
        closed: bool,
    },
    /// A client begins or ends its work on a deal.
    Mark(Mark),
}

/// A request of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum Call {
    /// `POST /deals/{deal}/signups`
    Join {
        /// The deal to join.
        deal: DealId,
        buyer: AccountId,
        /// The `Idempotency-Key`.
        key: String,
        units: u32,
    },
    /// `DELETE /signups/{signup}`
    Leave {
        /// The deal of the signup.
        deal: DealId,
        buyer: AccountId,
        /// The signup to delete.
        signup: SignupId,
    },
}

/// The answer to a call. Fields that the response did not have are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reply {
    /// The HTTP status; `None` if there was no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The signup's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<SignupId>,
    /// The signup's units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units: Option<u32>,
    /// The signup's number: how many buyers the deal had right after this signup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<u32>,
    /// The problem's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Why there was no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A live frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    pub deal: DealId,
    #[serde(flatten)]
    pub figures: Figures,
}

impl Frame {
    /// The version of the figures. The frame with the higher version is newer.
    #[must_use]
    pub const fn version(&self) -> Version {
        Version { epoch: self.figures.epoch, rev: self.figures.rev }
    }
}

/// A version of a deal's row, ordered from older to newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version {
    /// The history of Postgres that the row belongs to.
    pub epoch: i64,
    /// The version within that history.
    pub rev: i64,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "rev {} of epoch {}", self.rev, self.epoch)
    }
}

/// The start or the end of a client's work on a deal. Clients of the log made the signups between the two versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Mark {
    pub deal: DealId,
    /// The version before the client's first call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Version>,
    /// The version after the client's last call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Version>,
}
