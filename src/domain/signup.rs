//! A buyer's place in a deal: what joining and leaving can come to.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids::{AccountId, DealId, SignupId};
use super::problem::FieldProblem;
use super::progress::Progress;

/// How many coupons one signup asks for: 1 to 1,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Units(u32);

impl Units {
    /// The most units of one signup. A deal's per-buyer limit is usually far lower; this one only keeps sums small.
    pub const MAX: u32 = 1_000;

    /// Checks the range.
    ///
    /// # Errors
    /// A problem with `/units` when it is not from 1 to [`Units::MAX`].
    pub fn new(units: i64) -> Result<Self, FieldProblem> {
        match u32::try_from(units) {
            Ok(n @ 1..=Self::MAX) => Ok(Self(n)),
            _ => Err(FieldProblem::new(
                "units",
                "out_of_range",
                format!("Ask for at least 1 and at most {} units.", Self::MAX),
            )),
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// The client's name for one request: the same key again is the same request. 1 to 255 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

/// Why a text is not an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdempotencyKeyError {
    /// There are no characters.
    #[error("the key is empty")]
    Empty,
    /// There are more than 255 characters.
    #[error("the key is longer than 255 characters")]
    TooLong,
    /// A space, a control character or one beyond ASCII.
    #[error("the key has a character that is not visible ASCII")]
    NotVisible,
}

impl IdempotencyKey {
    /// Checks length and characters.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, IdempotencyKeyError> {
        match text.len() {
            0 => Err(IdempotencyKeyError::Empty),
            256.. => Err(IdempotencyKeyError::TooLong),
            _ if !text.bytes().all(|b| b.is_ascii_graphic()) => Err(IdempotencyKeyError::NotVisible),
            _ => Ok(Self(text.to_owned())),
        }
    }

    /// The key as it was sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a signup still counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignupState {
    /// It counts.
    Active,
    /// Its buyer left before the tip.
    Left,
}

impl SignupState {
    /// The word for it in SQL and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Left => "left",
        }
    }

    /// The state of this word, if it is one.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Active, Self::Left].into_iter().find(|state| state.as_str() == word)
    }
}

/// One buyer's place in one deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signup {
    /// Derived from deal, buyer and idempotency key.
    pub id: SignupId,
    /// Which deal.
    pub deal: DealId,
    /// Whose it is.
    pub buyer: AccountId,
    /// How many coupons it asks for.
    pub units: u32,
    /// "You are buyer 17": the deal's buyers right after this signup.
    pub number: u32,
    /// Whether it still counts.
    pub state: SignupState,
    /// When Postgres took it.
    pub joined_at: DateTime<Utc>,
    /// The deal's version that it made.
    pub rev: i64,
}

/// A buyer's wish to join.
#[derive(Clone, Copy, Debug)]
pub struct JoinRequest {
    /// Derived from the rest and the idempotency key.
    pub id: SignupId,
    /// Which deal.
    pub deal: DealId,
    /// Who wants to join.
    pub buyer: AccountId,
    /// How many coupons.
    pub units: Units,
}

impl JoinRequest {
    /// The request that this key names.
    #[must_use]
    pub fn new(deal: DealId, buyer: AccountId, units: Units, key: &IdempotencyKey) -> Self {
        Self { id: SignupId::derive(deal, buyer, key), deal, buyer, units }
    }
}

/// What joining came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinOutcome {
    /// The signup is in Postgres.
    Joined(Joined),
    /// It is not, for a reason that a person can understand. Not remembered: the same key may succeed later.
    Refused(Refusal),
    /// It takes long. Repeat the request with its key to learn the outcome.
    Pending(SignupId),
    /// There is too much to do; nothing was done.
    Busy {
        /// When to try again.
        retry_after_s: u32,
    },
    /// This buyer asks for too much in too short a time; nothing was done.
    TooMany {
        /// When to try again.
        retry_after_s: u32,
    },
    /// There is no such deal, or it is somebody else's draft.
    NoSuchDeal,
    /// Something broke that retrying at once will not mend; nothing was recorded.
    Broken,
}

/// A signup that is in Postgres.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The signup.
    pub id: SignupId,
    /// Its deal.
    pub deal: DealId,
    /// How many coupons it asks for.
    pub units: u32,
    /// The deal's buyers right after it.
    pub number: u32,
    /// As of now: a replay may find that its buyer left meanwhile.
    pub state: SignupState,
    /// The deal's figures as of now.
    pub progress: Progress,
    /// Whether an earlier request had made it.
    pub replayed: bool,
}

/// Why a join was refused. An outcome, not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No unit is left.
    SoldOut,
    /// Fewer units may be taken than were asked for.
    NotEnoughLeft {
        /// The most that may be taken now.
        available: u32,
    },
    /// Every free place is held by joins that are being recorded: try again in a moment.
    PlacesHeld,
    /// The buyer would hold more units than the deal allows one buyer.
    BuyerLimit {
        /// The most units that one buyer may hold.
        max: u32,
    },
    /// The deal does not sell yet.
    NotOpen,
    /// The deal does not sell any more.
    Closed,
    /// This key named a request for another number of units.
    KeyReused,
}

/// What leaving came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveOutcome {
    /// The signup does not count (any more): leaving twice is the same.
    Left,
    /// The deal is on; leaving was possible before the tip.
    AlreadyTipped,
    /// The deal is over.
    Closed,
    /// This buyer has no such signup.
    NoSuchSignup,
    /// The join that makes the signup is still being recorded.
    Pending,
    /// There is too much to do; nothing was done.
    Busy {
        /// When to try again.
        retry_after_s: u32,
    },
    /// Something broke; nothing was recorded.
    Broken,
}
