//! What the load noticed: who was answered when, and what must not have been.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::lock;

/// Findings that are kept; all are counted.
const MOST_TOLD: usize = 200;

/// How often something happened, so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::dev::chaos) struct Counts {
    /// Joins with a key of their own that were begun.
    pub(in crate::dev::chaos) attempted: u64,
    /// Of those, answered 201.
    pub(in crate::dev::chaos) acknowledged: u64,
    /// A key, a unit or a coupon that counted twice.
    pub(in crate::dev::chaos) doubled: u64,
}

/// Shared by all clients of a run.
pub(in crate::dev::chaos) struct Service {
    attempted: AtomicU64,
    acknowledged: AtomicU64,
    doubled: AtomicU64,
    /// When each node acknowledged joins.
    acknowledgements: Mutex<Vec<(Instant, usize)>>,
    findings: Mutex<Vec<String>>,
    /// What happened besides, and how often.
    notes: Mutex<BTreeMap<String, u64>>,
}

impl Service {
    pub(in crate::dev::chaos) fn new() -> Self {
        Self {
            attempted: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            doubled: AtomicU64::new(0),
            acknowledgements: Mutex::default(),
            findings: Mutex::default(),
            notes: Mutex::default(),
        }
    }

    pub(in crate::dev::chaos) fn counts(&self) -> Counts {
        Counts {
            attempted: self.attempted.load(Ordering::Relaxed),
            acknowledged: self.acknowledged.load(Ordering::Relaxed),
            doubled: self.doubled.load(Ordering::Relaxed),
        }
    }

    pub(super) fn attempt(&self) {
        self.attempted.fetch_add(1, Ordering::Relaxed);
    }

    /// A node said "joined"; `is_first` if no other had, for this key.
    pub(super) fn acknowledge(&self, node: usize, is_first: bool) {
        self.acknowledged.fetch_add(u64::from(is_first), Ordering::Relaxed);
        lock(&self.acknowledgements).push((Instant::now(), node));
    }

    /// Something counted twice.
    pub(super) fn doubled(&self, what: String) {
        self.doubled.fetch_add(1, Ordering::Relaxed);
        self.find(what);
    }

    /// Something that must not be.
    pub(in crate::dev::chaos) fn find(&self, what: String) {
        tracing::error!("{what}");
        let mut findings = lock(&self.findings);
        if findings.len() < MOST_TOLD {
            findings.push(what);
        }
    }

    /// Takes the findings so far.
    pub(in crate::dev::chaos) fn take_findings(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.findings))
    }

    /// Something worth knowing.
    pub(in crate::dev::chaos) fn note(&self, what: &str) {
        *lock(&self.notes).entry(what.to_owned()).or_default() += 1;
    }

    pub(in crate::dev::chaos) fn notes(&self) -> BTreeMap<String, u64> {
        lock(&self.notes).clone()
    }

    /// Forgets what happened before a fault.
    pub(in crate::dev::chaos) fn begin_measuring(&self) -> Instant {
        let now = Instant::now();
        lock(&self.acknowledgements).retain(|(at, _)| *at + Duration::from_secs(1) > now);
        now
    }

    /// The longest time since then in which no node acknowledged any join.
    pub(in crate::dev::chaos) fn longest_gap(&self, since: Instant) -> Duration {
        let mut last = since;
        let mut longest = Duration::ZERO;
        let now = Instant::now();
        let after = lock(&self.acknowledgements);
        for at in after.iter().map(|(at, _)| *at).filter(|at| *at >= since).chain([now]) {
            longest = longest.max(at.saturating_duration_since(last));
            last = at;
        }
        longest
    }

    /// Which of so many nodes acknowledged no join after this moment.
    pub(in crate::dev::chaos) fn not_serving_since(&self, since: Instant, nodes: usize) -> Vec<usize> {
        let after = lock(&self.acknowledgements);
        (0..nodes).filter(|node| !after.iter().any(|(at, by)| by == node && *at > since)).collect()
    }
}
