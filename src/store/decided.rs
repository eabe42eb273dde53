//! The decisions of `commit_signups` and `commit_leaves` about a batch.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::{DealState, Progress, Refusal, SignupState};

/// The decision about one request to join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The signup is recorded.
    Ok,
    /// The signup had been recorded before.
    Replay,
    /// The deal is unknown or a draft.
    NoSuchDeal,
    /// A rule of the deal forbids the join.
    Refused(Refusal),
}

/// One request to join, with its decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecidedJoin {
    pub decision: Decision,
    /// The signup's number; 0 without a signup.
    pub number: u32,
    /// The signup's state. Meaningless without a signup.
    pub state: SignupState,
    /// The buyer's units after the request, and the `rev` of their last change. `None` if the buyer never had a signup.
    pub buyer_units: Option<(u32, i64)>,
}

/// The decision about one request to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveDecision {
    /// The buyer has left, by this request or an earlier one.
    Left,
    /// The signup is unknown, or belongs to another buyer.
    NoSuchSignup,
    /// The deal has tipped, so nobody can leave.
    AlreadyTipped,
    /// The deal or its window is over.
    Closed,
}

/// One request to leave, with its decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecidedLeave {
    pub decision: LeaveDecision,
    /// See [`DecidedJoin::buyer_units`].
    pub buyer_units: Option<(u32, i64)>,
}

/// A deal right after a change, under the deal's lock: everything that admission reads, and the version before the
/// change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    pub progress: Progress,
    pub opens_at: DateTime<Utc>,
    /// The deal's `rev` before the change. The change covers every version after it, up to that of `progress`.
    pub rev_before: i64,
}

/// The decisions about a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decided<T> {
    /// One decision for each request, in the order of the batch.
    pub rows: Vec<T>,
    /// The figures of each deal of the batch that exists.
    pub figures: Vec<Figures>,
    /// The time of the decisions, by the clock of Postgres.
    pub at: Option<DateTime<Utc>>,
}

/// A row of the result: the decision about a request (`ord` from 1), or a deal's figures (`ord` 0).
pub(super) struct AnswerRow {
    pub(super) ord: i32,
    pub(super) outcome: String,
    pub(super) deal: Uuid,
    pub(super) number: Option<i32>,
    pub(super) signup_state: Option<String>,
    pub(super) bound: Option<i32>,
    pub(super) buyer_units: Option<i32>,
    pub(super) buyer_rev: Option<i64>,
    pub(super) epoch: Option<i64>,
    pub(super) rev: Option<i64>,
    pub(super) rev_before: Option<i64>,
    pub(super) state: Option<String>,
    pub(super) buyers: Option<i32>,
    pub(super) units: Option<i32>,
    pub(super) tipping_point: Option<i32>,
    pub(super) cap: Option<i32>,
    pub(super) opens_at: Option<DateTime<Utc>>,
    pub(super) closes_at: Option<DateTime<Utc>>,
    pub(super) decided_at: DateTime<Utc>,
}

impl AnswerRow {
    pub(super) fn join(&self) -> Option<DecidedJoin> {
        Some(DecidedJoin {
            decision: decision(&self.outcome, self.bound.map_or(0, i32::cast_unsigned))?,
            number: self.number.map_or(0, i32::cast_unsigned),
            state: self.signup_state.as_deref().and_then(SignupState::parse).unwrap_or(SignupState::Active),
            buyer_units: self.buyer_units(),
        })
    }

    pub(super) fn leave(&self) -> Option<DecidedLeave> {
        Some(DecidedLeave { decision: leave_decision(&self.outcome)?, buyer_units: self.buyer_units() })
    }

    fn buyer_units(&self) -> Option<(u32, i64)> {
        self.buyer_units.map(i32::cast_unsigned).zip(self.buyer_rev)
    }

    fn figures(&self) -> Option<Figures> {
        let progress = Progress {
            deal: self.deal.into(),
            epoch: self.epoch?,
            rev: self.rev?,
            state: DealState::parse(self.state.as_deref()?)?,
            buyers: self.buyers?.cast_unsigned(),
            units: self.units?.cast_unsigned(),
            tipping_point: self.tipping_point?.cast_unsigned(),
            cap: self.cap.map(i32::cast_unsigned),
            closes_at: self.closes_at?,
        };
        Some(Figures { progress, opens_at: self.opens_at?, rev_before: self.rev_before? })
    }
}

/// Parses the decisions about a batch of `requests` requests. `None` if the rows do not match the batch.
pub(super) fn read<T: Clone>(
    requests: usize,
    answer: &[AnswerRow],
    request: impl Fn(&AnswerRow) -> Option<T>,
) -> Option<Decided<T>> {
    let (mut rows, mut figures, mut at) = (vec![None; requests], Vec::new(), None);
    for row in answer {
        at = Some(row.decided_at);
        if row.ord == 0 {
            figures.push(row.figures()?);
        } else {
            let place = usize::try_from(row.ord - 1).ok()?;
            *rows.get_mut(place)? = Some(request(row)?);
        }
    }
    Some(Decided { rows: rows.into_iter().collect::<Option<_>>()?, figures, at })
}

fn decision(word: &str, bound: u32) -> Option<Decision> {
    Some(match word {
        "ok" => Decision::Ok,
        "replay" => Decision::Replay,
        "no_such_deal" => Decision::NoSuchDeal,
        word => Decision::Refused(Refusal::parse(word, bound)?),
    })
}

fn leave_decision(word: &str) -> Option<LeaveDecision> {
    Some(match word {
        "left" => LeaveDecision::Left,
        "no_such_signup" => LeaveDecision::NoSuchSignup,
        "already_tipped" => LeaveDecision::AlreadyTipped,
        "closed" => LeaveDecision::Closed,
        _ => return None,
    })
}
