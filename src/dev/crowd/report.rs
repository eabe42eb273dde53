//! Compares the outcome of a replay with the figures on the server.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use indicatif::{HumanCount, HumanDuration};

use super::protocol::Retry;
use super::tally::Tally;
use crate::domain::{DealState, Figures};

/// The result of a replay. `Display` prints it as a table.
#[derive(Clone, Debug)]
pub struct Report {
    /// Counts of the answers.
    pub tally: Tally,
    /// Figures on the server before the first request.
    pub before: Figures,
    /// Figures on the server after the last request.
    pub after: Figures,
    /// The duration of the replay.
    pub took: Duration,
    /// Whether the whole schedule was replayed.
    pub complete: bool,
}

impl Report {
    pub(super) fn agrees(before: &Figures, after: &Figures, tally: &Tally) -> bool {
        Self::grown(before.buyers, after.buyers) == tally.buyers()
            && Self::grown(before.units, after.units) == tally.units()
    }

    fn grown(before: u32, after: u32) -> i64 {
        i64::from(after) - i64::from(before)
    }

    /// The differences between the server's figures and the answers, as sentences. Empty if they agree.
    #[must_use]
    pub fn disagreements(&self) -> Vec<String> {
        let Self { tally, before, after, .. } = self;
        let mut found = Vec::new();
        let mut compare = |what: &str, server: i64, answers: i64| {
            if server != answers {
                found.push(format!(
                    "The deal's {what} changed by {server} on the server and by {answers} according to the answers."
                ));
            }
        };
        compare("buyers", Self::grown(before.buyers, after.buyers), tally.buyers());
        compare("units", Self::grown(before.units, after.units), tally.units());
        if before.state == DealState::Open {
            found.extend(self.wrong_tip());
        }
        found
    }

    /// Checks a deal that was open before: exactly one signup has the tipping point as its number if and only if it
    /// tipped.
    fn wrong_tip(&self) -> Option<String> {
        let Self { tally, after, .. } = self;
        let tipping_point = after.tipping_point;
        match (after.state, tally.tips.len()) {
            (DealState::Tipped | DealState::Succeeded, 1) => None,
            (DealState::Tipped | DealState::Succeeded, tips) => {
                Some(format!("The deal tipped, but {tips} signups have the number {tipping_point}."))
            }
            (_, 0) if tally.highest_number < tipping_point => None,
            (state, _) => Some(format!(
                "The deal is {}, but a signup has the number {}, and the tipping point is {tipping_point}.",
                state.as_str(),
                tally.highest_number
            )),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tally, before, after, .. } = self;
        let retries = tally.retries.iter().map(|(reason, times)| (Retry::as_str(*reason).to_owned(), *times)).collect();
        let replayed = match tally.replayed {
            0 => String::new(),
            replayed => format!("{} of them confirmed by a retry", HumanCount(replayed.into())),
        };
        let rows = [
            ("attempted", tally.attempted, String::new()),
            ("joined", tally.joined, replayed),
            ("refused", tally.refusals(), list(&tally.refused)),
            ("left", tally.left, String::new()),
            ("leave refused", tally.leave_refusals(), list(&tally.leave_refused)),
            ("nobody to leave", tally.nobody_to_leave, String::new()),
            ("pending", tally.pending, String::new()),
            ("errors", tally.errors.values().sum(), list(&tally.errors)),
            ("retried", tally.retried(), list(&retries)),
        ];
        for (what, count, more) in rows {
            let row = format!("  {what:<16} {:>9}  {more}", HumanCount(count.into()).to_string());
            writeln!(f, "{}", row.trim_end())?;
        }
        writeln!(f, "\n  {:<16} {:>9} {:>14} {:>9} {:>9}", "", "before", "joined − left", "expected", "server")?;
        for (what, was, changed, is) in [
            ("buyers", before.buyers, tally.buyers(), after.buyers),
            ("units", before.units, tally.units(), after.units),
        ] {
            writeln!(f, "  {what:<16} {was:>9} {changed:>14} {:>9} {is:>9}", i64::from(was) + changed)?;
        }
        writeln!(f)?;
        self.write_end(f)
    }
}

impl Report {
    fn write_end(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (state, tipping_point) = (self.after.state.as_str(), self.after.tipping_point);
        match self.tally.tips.first() {
            Some(tip) => writeln!(
                f,
                "The deal tipped at buyer {} ({} into the campaign, signup {}); it is {state}.",
                tip.number,
                HumanDuration(tip.at),
                tip.signup
            )?,
            None => writeln!(f, "The deal did not tip in this replay (tipping point {tipping_point}); it is {state}.")?,
        }
        if !self.complete {
            writeln!(f, "The replay was interrupted.")?;
        }
        for sentence in self.disagreements() {
            writeln!(f, "WRONG: {sentence}")?;
        }
        Ok(())
    }
}

fn list(counts: &BTreeMap<String, u32>) -> String {
    counts.iter().map(|(what, times)| format!("{what} {}", HumanCount((*times).into()))).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
