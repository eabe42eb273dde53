//! Signups, and the outcomes of joining and leaving.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::idempotency::IdempotencyKey;
use super::ids::{AccountId, DealId, SignupId};
use super::problem::{FieldProblem, FieldProblemKind};
use super::progress::Progress;

/// The number of units in one signup: 1 to 1,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Units(u32);

impl Units {
    /// The maximum number of units in one signup. It keeps sums small; a deal's per-buyer limit is usually lower.
    pub const MAX: u32 = 1_000;

    /// Checks the range.
    ///
    /// # Errors
    /// A problem with `/units`: the number is not from 1 to [`Units::MAX`].
    pub fn new(units: i64) -> Result<Self, FieldProblem> {
        match u32::try_from(units) {
            Ok(n @ 1..=Self::MAX) => Ok(Self(n)),
            _ => Err(FieldProblem::new("units", FieldProblemKind::UnitsOutOfRange { max: Self::MAX })),
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// The state of a signup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignupState {
    /// The signup counts towards the deal.
    Active,
    /// The buyer left before the tip.
    Left,
}

impl SignupState {
    /// The word for this state in SQL and JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Left => "left",
        }
    }

    /// Parses a word of [`Self::as_str`].
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
    pub deal: DealId,
    pub buyer: AccountId,
    /// The number of coupons that it asks for.
    pub units: u32,
    /// The number of the deal's buyers right after this signup, as in "You are buyer 17".
    pub number: u32,
    pub state: SignupState,
    /// When Postgres recorded the signup, by its clock.
    pub joined_at: DateTime<Utc>,
    /// The deal's `rev` right after this signup.
    pub rev: i64,
}

/// A request to join a deal.
#[derive(Clone, Copy, Debug)]
pub struct JoinRequest {
    /// Derived from deal, buyer and idempotency key.
    pub id: SignupId,
    pub deal: DealId,
    pub buyer: AccountId,
    pub units: Units,
}

impl JoinRequest {
    /// The request with this key.
    #[must_use]
    pub fn new(deal: DealId, buyer: AccountId, units: Units, key: &IdempotencyKey) -> Self {
        Self { id: SignupId::derive(deal, buyer, key), deal, buyer, units }
    }
}

/// The outcome of a join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinOutcome {
    /// The signup is committed in Postgres.
    Joined(Joined),
    /// A rule of the deal forbids the join. The refusal is not stored, so the same key may succeed later.
    Refused(Refusal),
    /// The commit takes longer than a client waits. A retry with the same key returns the outcome.
    Pending(SignupId),
    /// Nothing was recorded: the lane is full or too slow, or Postgres cannot take the batch.
    Busy {
        /// Seconds to wait before a retry.
        retry_after_s: u32,
    },
    /// The deal does not exist, or it is a draft.
    NoSuchDeal,
    /// A defect that an immediate retry will not fix. The signup was recorded only if the answer of Postgres was lost
    /// or unreadable.
    Broken,
}

/// A signup that is committed in Postgres.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    pub id: SignupId,
    pub deal: DealId,
    /// The number of coupons that it asks for.
    pub units: u32,
    /// The number of the deal's buyers right after the signup.
    pub number: u32,
    /// The current state. After a replay, it may be [`SignupState::Left`].
    pub state: SignupState,
    /// The current figures of the deal.
    pub progress: Progress,
    /// Whether an earlier request with the same key created the signup.
    pub replayed: bool,
}

/// The rule that forbids a join. A refusal is an outcome, not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No unit is left.
    SoldOut,
    /// The request asks for more units than can be taken.
    NotEnoughLeft {
        /// The maximum number of units that can be taken now.
        available: u32,
    },
    /// Holds of joins that are being committed leave too few free units. Some may become free soon.
    PlacesHeld,
    /// The buyer would hold more units than the deal allows one buyer.
    BuyerLimit {
        /// The maximum number of units that one buyer may hold.
        max: u32,
    },
    /// The window has not begun.
    NotOpen,
    /// The window is over, or the deal has ended.
    Closed,
    /// The key was used for a request with another number of units.
    KeyReused,
    /// The buyer is staff of the deal's merchant.
    OwnDeal,
}

impl Refusal {
    /// The word for this refusal in Lua replies, SQL outcomes and JSON codes.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::SoldOut => "sold_out",
            Self::NotEnoughLeft { .. } => "not_enough_left",
            Self::PlacesHeld => "places_held",
            Self::BuyerLimit { .. } => "buyer_limit",
            Self::NotOpen => "not_open",
            Self::Closed => "closed",
            Self::KeyReused => "key_reused",
            Self::OwnDeal => "own_deal",
        }
    }

    /// Parses a word of [`Self::word`]. `bound` is the number in the two refusals that have one.
    #[must_use]
    pub fn parse(word: &str, bound: u32) -> Option<Self> {
        Self::all(bound).into_iter().find(|refusal| refusal.word() == word)
    }

    /// Every refusal, with this number in those that have one.
    const fn all(bound: u32) -> [Self; 8] {
        [
            Self::SoldOut,
            Self::NotEnoughLeft { available: bound },
            Self::PlacesHeld,
            Self::BuyerLimit { max: bound },
            Self::NotOpen,
            Self::Closed,
            Self::KeyReused,
            Self::OwnDeal,
        ]
    }
}

/// The outcome of leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveOutcome {
    /// The signup no longer counts. Leaving twice has the same outcome.
    Left,
    /// The deal has tipped, and buyers can leave only before the tip.
    AlreadyTipped,
    /// The window is over, or the deal has ended.
    Closed,
    /// This buyer has no such signup.
    NoSuchSignup,
    /// The join that creates the signup is still being committed.
    Pending,
    /// Nothing was recorded: the lane is full or too slow, or Postgres cannot take the batch.
    Busy {
        /// Seconds to wait before a retry.
        retry_after_s: u32,
    },
    /// A defect. The leave was recorded only if the answer of Postgres was lost or unreadable.
    Broken,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_read_from_its_word_with_its_bound() {
        for refusal in Refusal::all(3) {
            assert_eq!(Refusal::parse(refusal.word(), 3), Some(refusal));
        }
        assert_eq!(Refusal::parse("not_enough_left", 2), Some(Refusal::NotEnoughLeft { available: 2 }));
        assert_eq!(Refusal::parse("ok", 0), None);
    }
}
