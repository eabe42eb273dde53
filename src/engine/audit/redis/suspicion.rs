//! Differences between Redis and Postgres that may still clear.

use std::time::Duration;

use crate::domain::{AccountId, DealId};
use crate::engine::audit::report::{AuditReport, Finding, Rule};

/// The subject of a suspicion. Suspicions about the same subject are the same suspicion, even if their figures differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// Q1: older than this version of Postgres.
    Behind(i64, i64),
    /// Q1: of a version that Postgres does not have yet.
    Ahead,
    /// Q1: other figures or terms of the same version.
    Figures,
    /// Q1: a field that cannot be read.
    Unreadable,
    /// Q1: a buyer's units.
    Buyer(AccountId),
    /// Q2: sums that do not equal their parts.
    Sums,
    /// Q2: a hold that lasts too long. Empty: the keys of all holds, which never expire.
    Endless(String),
    /// Q2: the hold of this signup, while the deal stays at this version.
    Held(String, Option<(i64, i64)>),
    /// Q3: a key that Muster does not create.
    Key(String),
}

/// A difference that one check found.
#[derive(Clone, Debug)]
pub(in crate::engine::audit) struct Suspicion {
    pub(super) subject: Subject,
    pub(super) finding: Finding,
}

impl Suspicion {
    pub(super) fn of(deal: DealId, subject: Subject, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { subject, finding: Finding { deal: Some(deal), expected: expected.into(), found: found.into() } }
    }

    /// How long the difference must persist to be a finding. Holds have a limit of their own.
    pub(in crate::engine::audit) const fn persistence(&self, usual: Duration, of_holds: Duration) -> Duration {
        if matches!(self.subject, Subject::Held(..)) { of_holds } else { usual }
    }

    pub(in crate::engine::audit) fn report(self, report: &mut AuditReport) {
        let rule = match self.subject {
            Subject::Sums | Subject::Endless(_) | Subject::Held(..) => Rule::Q2,
            Subject::Key(_) => Rule::Q3,
            _ => Rule::Q1,
        };
        report.tally(rule).find(self.finding);
    }

    pub(super) fn is_the_same(&self, other: &Self) -> bool {
        let both_behind = matches!((&self.subject, &other.subject), (Subject::Behind(..), Subject::Behind(..)));
        self.finding.deal == other.finding.deal && (both_behind || self.subject == other.subject)
    }
}
