//! Plans a campaign as single joins and leaves with their times.

use std::time::Duration;

use rand::seq::SliceRandom;
use rand::{Rng, RngExt};

use super::arrivals::{Arrivals, Sample};
use super::share::Share;

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A buyer joins.
    Join,
    /// A buyer who has joined leaves.
    Leave,
}

/// A join or a leave at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Time since the campaign began.
    pub at: Duration,
    /// Join or leave.
    pub what: What,
}

/// The events between two samples, in chronological order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Joins and leaves.
    pub events: Vec<Event>,
}

/// The plan of a whole campaign. After each step, the number of buyers equals its sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    steps: Vec<Step>,
}

impl Schedule {
    /// Spreads the joins of each step over the step at random. The buyers of the first sample join at second 0. If the
    /// count falls in a step, buyers leave.
    ///
    /// Churn adds leaves and the same number of joins to each step, in proportion to the new buyers in the step. It
    /// does not change the counts, and over the campaign this share of the buyers leaves.
    pub fn plan(arrivals: &Arrivals, churn: Share, rng: &mut impl Rng) -> Self {
        let mut churn = churn.taker();
        let mut before = Sample { at: Duration::ZERO, joined: 0 };
        let mut steps = Vec::with_capacity(arrivals.samples().len());
        for sample in arrivals.samples() {
            let more = sample.joined.saturating_sub(before.joined);
            let changed = churn.of(more);
            let (joins, leaves) = (more + changed, before.joined.saturating_sub(sample.joined) + changed);
            steps.push(step(before, sample.at, joins, leaves, rng));
            before = *sample;
        }
        Self { steps }
    }

    /// The steps in chronological order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The number of joins, including those of buyers who leave again.
    #[must_use]
    pub fn joins(&self) -> usize {
        self.count(What::Join)
    }

    /// The number of leaves.
    #[must_use]
    pub fn leaves(&self) -> usize {
        self.count(What::Leave)
    }

    fn count(&self, what: What) -> usize {
        self.steps.iter().flat_map(|step| &step.events).filter(|event| event.what == what).count()
    }
}

fn step(before: Sample, end: Duration, joins: u32, leaves: u32, rng: &mut impl Rng) -> Step {
    let mut whats: Vec<What> = (0..joins).map(|_| What::Join).chain((0..leaves).map(|_| What::Leave)).collect();
    whats.shuffle(rng);
    let mut present = before.joined;
    let mut postponed = 0_u32;
    let mut ordered = Vec::with_capacity(whats.len());
    // While there are no buyers, a leave is postponed until right after the next join.
    for what in whats {
        match what {
            What::Leave if present == 0 => postponed += 1,
            What::Leave => {
                present -= 1;
                ordered.push(What::Leave);
            }
            What::Join => {
                ordered.push(What::Join);
                if postponed > 0 {
                    postponed -= 1;
                    ordered.push(What::Leave);
                } else {
                    present += 1;
                }
            }
        }
    }
    let mut times: Vec<Duration> = ordered.iter().map(|_| moment(before.at, end, rng)).collect();
    times.sort_unstable();
    Step { events: times.into_iter().zip(ordered).map(|(at, what)| Event { at, what }).collect() }
}

/// A random millisecond of a step. The end of a step belongs to it, its beginning to the step before.
fn moment(from: Duration, to: Duration, rng: &mut impl Rng) -> Duration {
    let (from, to) = (millis(from), millis(to));
    if from < to { Duration::from_millis(rng.random_range(from + 1..=to)) } else { Duration::from_millis(to) }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
