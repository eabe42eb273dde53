//! Who does what when: a campaign's readings turned into the acts of so many buyers.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::arrivals::Arrivals;

/// What a buyer does; buyers are counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Joins, for the first and only time.
    Join(usize),
    /// Leaves what was joined before.
    Leave(usize),
}

/// An act and its time from the start, as recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at: Duration,
    /// What.
    pub act: Act,
}

/// All acts in the order of their time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The acts.
    pub events: Vec<Event>,
    /// How many buyers it needs.
    pub buyers: usize,
}

impl Plan {
    /// Spreads each step's new joins at random inside the step; a fall is that many who leave. Of the joins, the share
    /// `churn` is made by others than in the record: as many leave in the same step. So the count is always the recorded one.
    /// The same seed makes the same plan.
    #[must_use]
    pub fn new(arrivals: &Arrivals, churn: f64, seed: u64) -> Self {
        let mut writer =
            Writer { chance: StdRng::seed_from_u64(seed), events: Vec::new(), present: Vec::new(), buyers: 0 };
        let (mut from, mut joined_before) = (0, 0);
        for reading in arrivals.readings() {
            let step = (from, reading.seconds);
            let churned =
                (joined_before..reading.joined).filter(|_| writer.chance.random_bool(churn.clamp(0.0, 1.0))).count();
            // Whoever leaves has joined in an earlier step.
            writer.leave(joined_before.saturating_sub(reading.joined), step);
            let replaced = writer.leave(churned as u64, step);
            writer.join(reading.joined.saturating_sub(joined_before) + replaced, step);
            (from, joined_before) = (reading.seconds, reading.joined);
        }
        let Writer { mut events, buyers, .. } = writer;
        events.sort_by_key(|event| event.at);
        Self { events, buyers }
    }
}

struct Writer {
    chance: StdRng,
    events: Vec<Event>,
    /// Who has joined and not left.
    present: Vec<usize>,
    buyers: usize,
}

impl Writer {
    fn join(&mut self, count: u64, step: (u64, u64)) {
        for _ in 0..count {
            self.note(Act::Join(self.buyers), step);
            self.present.push(self.buyers);
            self.buyers += 1;
        }
    }

    /// Lets some of those who are there leave; answers how many did.
    fn leave(&mut self, count: u64, step: (u64, u64)) -> u64 {
        let mut left = 0;
        while left < count && !self.present.is_empty() {
            let place = self.chance.random_range(0..self.present.len());
            let buyer = self.present.swap_remove(place);
            self.note(Act::Leave(buyer), step);
            left += 1;
        }
        left
    }

    fn note(&mut self, act: Act, (from, to): (u64, u64)) {
        let at = self.chance.random_range(from * 1_000..=to * 1_000);
        self.events.push(Event { at: Duration::from_millis(at), act });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn count_after(plan: &Plan, at: Duration) -> i64 {
        let counts = plan.events.iter().filter(|event| event.at <= at).map(|event| match event.act {
            Act::Join(_) => 1,
            Act::Leave(_) => -1,
        });
        counts.sum()
    }

    #[test]
    fn the_count_after_each_step_is_the_recorded_one_with_and_without_churn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("falls.csv");
        std::fs::write(&path, "seconds,joined\n0,40\n60,140\n120,120\n180,121\n240,300\n").unwrap();
        let arrivals = Arrivals::read(&path).unwrap();
        for (churn, seed) in [(0.0, 1), (0.05, 2), (1.0, 3)] {
            let plan = Plan::new(&arrivals, churn, seed);
            for reading in arrivals.readings() {
                let at = Duration::from_millis(reading.seconds * 1_000);
                assert_eq!(count_after(&plan, at), i64::try_from(reading.joined).unwrap(), "churn {churn} at {at:?}");
            }
        }
    }

    #[test]
    fn everybody_joins_once_and_leaves_at_most_once_and_only_afterwards() {
        let plan = Plan::new(&Arrivals::invented(400, 30), 0.2, 7);
        let mut joined = HashMap::new();
        let mut left = 0;
        for event in &plan.events {
            match event.act {
                Act::Join(buyer) => assert!(joined.insert(buyer, event.at).is_none()),
                Act::Leave(buyer) => {
                    assert!(joined.remove(&buyer).is_some_and(|since| since <= event.at));
                    left += 1;
                }
            }
        }
        assert_eq!(joined.len(), 400);
        assert_eq!(plan.buyers, 400 + left);
        assert!((40..160).contains(&left), "about a fifth leaves: {left}");
    }

    #[test]
    fn the_first_reading_happens_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("start.csv");
        std::fs::write(&path, "seconds,joined\n0,25\n3600,30\n").unwrap();
        let plan = Plan::new(&Arrivals::read(&path).unwrap(), 0.0, 1);
        assert_eq!(count_after(&plan, Duration::ZERO), 25);
    }

    #[test]
    fn the_same_seed_makes_the_same_plan() {
        let arrivals = Arrivals::invented(200, 20);
        assert_eq!(Plan::new(&arrivals, 0.1, 42), Plan::new(&arrivals, 0.1, 42));
        assert_ne!(Plan::new(&arrivals, 0.1, 42), Plan::new(&arrivals, 0.1, 43));
    }
}
