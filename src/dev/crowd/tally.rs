//! Counts the final answers of a replay.

use std::collections::BTreeMap;
use std::time::Duration;

use super::client::Retries;
use super::protocol::{JoinEnd, LeaveEnd, Receipt, Retry};
use crate::domain::{AccountId, SignupId};

/// The signup that reached the tipping point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// The signup's number, which is the tipping point.
    pub number: u32,
    pub signup: SignupId,
    pub buyer: AccountId,
    /// Scheduled time of the join, since the campaign began.
    pub at: Duration,
}

/// Counts of final answers. Each join counts once: as joined, refused, pending or an error.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Joins that were started, each with its own key.
    pub attempted: u32,
    /// Joins that succeeded.
    pub joined: u32,
    /// Successful joins whose first answer was lost or "pending", and which a retry confirmed.
    pub replayed: u32,
    /// Units of the successful joins.
    pub joined_units: u64,
    /// Refused joins by problem code.
    pub refused: BTreeMap<String, u32>,
    /// Leaves that were started.
    pub leaving: u32,
    /// Leaves that succeeded.
    pub left: u32,
    /// Units of the successful leaves.
    pub left_units: u64,
    /// Refused leaves by problem code.
    pub leave_refused: BTreeMap<String, u32>,
    /// Leaves that were skipped because no buyer had joined.
    pub nobody_to_leave: u32,
    /// Joins and leaves that were still pending at the timeout. Their outcome is unknown.
    pub pending: u32,
    /// Joins and leaves with an unexpected answer or none, by description.
    pub errors: BTreeMap<String, u32>,
    /// Retries by reason.
    pub retries: BTreeMap<Retry, u32>,
    /// Signups whose number is the tipping point. There is one if the deal tipped in this replay.
    pub tips: Vec<Tip>,
    /// The highest number of any signup.
    pub highest_number: u32,
}

impl Tally {
    /// The change of the number of buyers.
    #[must_use]
    pub const fn buyers(&self) -> i64 {
        self.joined as i64 - self.left as i64
    }

    /// The change of the number of units.
    #[must_use]
    pub const fn units(&self) -> i64 {
        self.joined_units.cast_signed() - self.left_units.cast_signed()
    }

    /// The number of refused joins.
    #[must_use]
    pub fn refusals(&self) -> u32 {
        self.refused.values().sum()
    }

    /// The number of refused leaves.
    #[must_use]
    pub fn leave_refusals(&self) -> u32 {
        self.leave_refused.values().sum()
    }

    /// The number of retries.
    #[must_use]
    pub fn retried(&self) -> u32 {
        self.retries.values().sum()
    }

    pub(super) fn count_join(&mut self, end: &Result<JoinEnd, Retry>) {
        match end {
            Ok(JoinEnd::Joined(receipt)) => self.count_receipt(receipt),
            Ok(JoinEnd::Refused(code)) => count(&mut self.refused, code),
            Ok(JoinEnd::Failed(answer)) => count(&mut self.errors, &format!("join: {answer}")),
            Err(reason) => self.count_given_up("join", *reason),
        }
    }

    fn count_receipt(&mut self, receipt: &Receipt) {
        self.joined += 1;
        self.replayed += u32::from(receipt.replayed);
        self.joined_units += u64::from(receipt.units);
        self.highest_number = self.highest_number.max(receipt.number);
    }

    pub(super) fn count_leave(&mut self, end: &Result<LeaveEnd, Retry>, units: u32) {
        match end {
            Ok(LeaveEnd::Left) => {
                self.left += 1;
                self.left_units += u64::from(units);
            }
            Ok(LeaveEnd::Refused(code)) => count(&mut self.leave_refused, code),
            Ok(LeaveEnd::Failed(answer)) => count(&mut self.errors, &format!("leave: {answer}")),
            Err(reason) => self.count_given_up("leave", *reason),
        }
    }

    fn count_given_up(&mut self, what: &str, reason: Retry) {
        match reason {
            Retry::Pending => self.pending += 1,
            _ => count(&mut self.errors, &format!("{what}: {}, given up", reason.as_str())),
        }
    }

    pub(super) fn count_retries(&mut self, retries: Retries) {
        for (reason, times) in retries {
            *self.retries.entry(reason).or_default() += times;
        }
    }
}

fn count(counts: &mut BTreeMap<String, u32>, what: &str) {
    *counts.entry(what.to_owned()).or_default() += 1;
}
