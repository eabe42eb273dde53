//! The lines of a client's log.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{AccountId, DealId, Figures, SignupId};

/// A line with its time: the client's clock, for people to read. No check compares it with another clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamped {
    /// When it was written.
    pub at: DateTime<Utc>,
    /// What it says.
    pub line: Line,
}

/// What a line says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Line {
    /// A call is about to be made.
    Call {
        /// Its number in this file.
        n: u64,
        /// What is asked.
        #[serde(flatten)]
        call: Call,
    },
    /// A call was answered, or will not be.
    Reply {
        /// The call's number.
        n: u64,
        /// What was answered.
        #[serde(flatten)]
        reply: Reply,
    },
    /// A frame came in.
    Frame {
        /// The socket's number in this file.
        socket: u64,
        /// The frame.
        frame: Frame,
    },
    /// A socket is gone.
    Closed {
        /// The socket's number in this file.
        socket: u64,
        /// Always true.
        closed: bool,
    },
    /// The client begins with a deal, or is done with it.
    Mark(Mark),
}

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum Call {
    /// `POST /deals/{deal}/signups`
    Join {
        /// Which deal.
        deal: DealId,
        /// Who.
        buyer: AccountId,
        /// The `Idempotency-Key`.
        key: String,
        /// How many.
        units: u32,
    },
    /// `DELETE /signups/{signup}`
    Leave {
        /// Which deal.
        deal: DealId,
        /// Who.
        buyer: AccountId,
        /// Which signup.
        signup: SignupId,
    },
}

/// What was answered. Fields that the answer had not are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reply {
    /// The HTTP status; none if there was no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The signup's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<SignupId>,
    /// The signup's units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub units: Option<u32>,
    /// The signup's number.
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
    /// Whose figures.
    pub deal: DealId,
    /// The figures.
    #[serde(flatten)]
    pub figures: Figures,
}

impl Frame {
    /// What decides which of two frames is newer.
    #[must_use]
    pub const fn version(&self) -> Version {
        Version { epoch: self.figures.epoch, rev: self.figures.rev }
    }
}

/// A version of a deal's row. Sorts by age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version {
    /// Which history of Postgres.
    pub epoch: i64,
    /// Which version in it.
    pub rev: i64,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "rev {} of epoch {}", self.rev, self.epoch)
    }
}

/// From where, or to where, a deal's signups are this client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// Which deal.
    pub deal: DealId,
    /// The version before the client's first call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Version>,
    /// The version after its last call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Version>,
}
