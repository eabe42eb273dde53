//! What a replay came to, counted by the final answers.

use std::collections::BTreeMap;
use std::time::Duration;

use super::client::Repeats;
use super::protocol::{JoinEnd, LeaveEnd, Receipt, Why};
use crate::domain::{AccountId, SignupId};

/// The signup that reached the tipping point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Its number: the tipping point.
    pub number: u32,
    /// Its id.
    pub signup: SignupId,
    /// Whose it is.
    pub buyer: AccountId,
    /// When that buyer came, since the campaign's beginning.
    pub at: Duration,
}

/// Counts of final answers. Each join counts once, under one of joined, refused, pending and errors.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Joins, each with a key of its own.
    pub attempted: u32,
    /// Those that were recorded.
    pub joined: u32,
    /// Among them: an earlier request with the key had made it, and its answer had been lost or "pending".
    pub replayed: u32,
    /// Units of those who joined.
    pub joined_units: u64,
    /// Joins that were refused, by code.
    pub refused: BTreeMap<String, u32>,
    /// Leaves.
    pub leaving: u32,
    /// Those that were recorded.
    pub left: u32,
    /// Units of those who left.
    pub left_units: u64,
    /// Leaves that were refused, by code.
    pub leave_refused: BTreeMap<String, u32>,
    /// Leaves that nobody could be found for, because too few had joined.
    pub nobody_to_leave: u32,
    /// Joins and leaves that were still being recorded when they were given up: nobody knows.
    pub pending: u32,
    /// Joins and leaves that ended in an answer that should not be, or in none.
    pub errors: BTreeMap<String, u32>,
    /// How often requests were repeated, and why.
    pub repeats: BTreeMap<Why, u32>,
    /// Signups whose number was the tipping point: one, if the deal tipped in this replay.
    pub tips: Vec<Tip>,
    /// The highest number that a signup had.
    pub highest_number: u32,
}

impl Tally {
    /// Buyers who joined and did not leave.
    #[must_use]
    pub const fn buyers(&self) -> i64 {
        self.joined as i64 - self.left as i64
    }

    /// Their units.
    #[must_use]
    pub const fn units(&self) -> i64 {
        self.joined_units.cast_signed() - self.left_units.cast_signed()
    }

    /// Joins that were refused.
    #[must_use]
    pub fn refusals(&self) -> u32 {
        self.refused.values().sum()
    }

    /// Leaves that were refused.
    #[must_use]
    pub fn leave_refusals(&self) -> u32 {
        self.leave_refused.values().sum()
    }

    /// Requests that were sent again.
    #[must_use]
    pub fn repeated(&self) -> u32 {
        self.repeats.values().sum()
    }

    pub(super) fn count_join(&mut self, end: &Result<JoinEnd, Why>) {
        match end {
            Ok(JoinEnd::Joined(receipt)) => self.count_receipt(receipt),
            Ok(JoinEnd::Refused(code)) => count(&mut self.refused, code),
            Ok(JoinEnd::Failed(answer)) => count(&mut self.errors, &format!("join: {answer}")),
            Err(why) => self.count_given_up("join", *why),
        }
    }

    fn count_receipt(&mut self, receipt: &Receipt) {
        self.joined += 1;
        self.replayed += u32::from(receipt.replayed);
        self.joined_units += u64::from(receipt.units);
        self.highest_number = self.highest_number.max(receipt.number);
    }

    pub(super) fn count_leave(&mut self, end: &Result<LeaveEnd, Why>, units: u32) {
        match end {
            Ok(LeaveEnd::Left) => {
                self.left += 1;
                self.left_units += u64::from(units);
            }
            Ok(LeaveEnd::Refused(code)) => count(&mut self.leave_refused, code),
            Ok(LeaveEnd::Failed(answer)) => count(&mut self.errors, &format!("leave: {answer}")),
            Err(why) => self.count_given_up("leave", *why),
        }
    }

    fn count_given_up(&mut self, what: &str, why: Why) {
        match why {
            Why::Pending => self.pending += 1,
            _ => count(&mut self.errors, &format!("{what}: {}, given up", why.as_str())),
        }
    }

    pub(super) fn count_repeats(&mut self, repeats: Repeats) {
        for (why, times) in repeats {
            *self.repeats.entry(why).or_default() += times;
        }
    }
}

fn count(counts: &mut BTreeMap<String, u32>, what: &str) {
    *counts.entry(what.to_owned()).or_default() += 1;
}
