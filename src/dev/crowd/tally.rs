//! What came of it, counted from the crowd's own point of view.

use std::collections::BTreeMap;
use std::fmt;

use super::Done;
use super::client::{JoinAnswer, LeaveAnswer};
use crate::domain::DealState;

/// How a crowd fared. Nothing in it was asked of the server afterwards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Joins answered 201.
    pub joined: u64,
    /// Their units.
    pub units: u64,
    /// Leaves answered 204.
    pub left: u64,
    /// Refused joins, by the code of the problem.
    pub refused: BTreeMap<String, u64>,
    /// Refused leaves, by the code of the problem; `already_tipped` is to be expected.
    pub not_left: BTreeMap<String, u64>,
    /// Calls that were undecided when patience ended, by what was heard last.
    pub undecided: BTreeMap<String, u64>,
    /// Those who would have left but never joined.
    pub nothing_to_leave: u64,
    /// The smallest number among those who were told that the deal had tipped: who joined as this buyer, tipped it.
    pub tipped_with: Option<u32>,
}

impl Tally {
    /// Acts that are over.
    #[must_use]
    pub fn acts(&self) -> u64 {
        let all = |counts: &BTreeMap<String, u64>| counts.values().sum::<u64>();
        self.joined
            + self.left
            + self.nothing_to_leave
            + all(&self.refused)
            + all(&self.not_left)
            + all(&self.undecided)
    }

    /// Buyers who should be in the deal now, if everything is decided.
    #[must_use]
    pub fn present(&self) -> u64 {
        self.joined.saturating_sub(self.left)
    }

    pub(super) fn add(&mut self, done: Done) {
        let count = |counts: &mut BTreeMap<String, u64>, code| *counts.entry(code).or_default() += 1;
        match done {
            Done::Joined(JoinAnswer::Joined(joined)) => {
                self.joined += 1;
                self.units += u64::from(joined.units);
                if joined.progress.state != DealState::Open && joined.number >= joined.progress.tipping_point {
                    let earliest = self.tipped_with.map_or(joined.number, |known| known.min(joined.number));
                    self.tipped_with = Some(earliest);
                }
            }
            Done::Joined(JoinAnswer::Refused(code)) => count(&mut self.refused, code),
            Done::Left(LeaveAnswer::Left) => self.left += 1,
            Done::Left(LeaveAnswer::Refused(code)) => count(&mut self.not_left, code),
            Done::Joined(JoinAnswer::GaveUp(why)) | Done::Left(LeaveAnswer::GaveUp(why)) => {
                count(&mut self.undecided, why);
            }
            Done::NothingToLeave => self.nothing_to_leave += 1,
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes = |f: &mut fmt::Formatter<'_>, what: &str, counts: &BTreeMap<String, u64>| {
            counts.iter().try_for_each(|(code, count)| writeln!(f, "  {:<36} {count:>8}", format!("{what} ({code})")))
        };
        writeln!(f, "  {:<36} {:>8}  with {} units", "joined", self.joined, self.units)?;
        codes(f, "refused", &self.refused)?;
        writeln!(f, "  {:<36} {:>8}", "left", self.left)?;
        codes(f, "could not leave", &self.not_left)?;
        codes(f, "undecided", &self.undecided)?;
        if self.nothing_to_leave > 0 {
            writeln!(f, "  {:<36} {:>8}", "had nothing to leave", self.nothing_to_leave)?;
        }
        write!(f, "  {:<36} {:>8}", "joined minus left", self.present())
    }
}
