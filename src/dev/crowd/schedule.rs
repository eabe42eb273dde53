//! Who comes and goes when: a campaign taken apart into single joins and leaves.

use std::time::Duration;

use rand::seq::SliceRandom;
use rand::{Rng, RngExt};

use super::arrivals::{Arrivals, Sample};
use super::share::Share;

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Somebody joins.
    Join,
    /// Somebody who joined before leaves.
    Leave,
}

/// A join or a leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Since the campaign's beginning.
    pub at: Duration,
    /// What happens then.
    pub what: What,
}

/// Everything between two samples, in the order of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The joins and leaves.
    pub events: Vec<Event>,
}

/// A whole campaign. After each step as many have joined and not left as its sample says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    steps: Vec<Step>,
}

impl Schedule {
    /// Spreads each step's joins at random inside the step; those of the first sample all come at second 0. A fall is that
    /// many leaves.
    ///
    /// Churn: for each hundred who come, that many per cent of those who are there leave in the same step, and as many others
    /// join. So over the whole campaign this share of the buyers leaves, in the rhythm in which people come, and the counts
    /// stay those of the samples.
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

    /// The steps, in the order of time.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// How many join, those who leave again included.
    #[must_use]
    pub fn joins(&self) -> usize {
        self.count(What::Join)
    }

    /// How many leave.
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
    // Nobody can leave before somebody is there: such a leave comes right after the next join instead.
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

/// Some millisecond of a step; its end belongs to it, its beginning to the step before.
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
