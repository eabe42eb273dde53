//! What the clients observed: counts, acknowledgements and findings.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::lock;

/// Maximum findings that are kept.
const FINDINGS_MAX: usize = 200;

/// Counters of joins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::dev::chaos) struct Counts {
    /// Joins that were started, each with its own key.
    pub(in crate::dev::chaos) attempted: u64,
    /// Joins that were answered 201.
    pub(in crate::dev::chaos) acknowledged: u64,
    /// Keys and coupons that counted twice.
    pub(in crate::dev::chaos) doubled: u64,
}

/// Shared by all clients of a run.
pub(in crate::dev::chaos) struct Observations {
    attempted: AtomicU64,
    acknowledged: AtomicU64,
    doubled: AtomicU64,
    /// The times of acknowledged joins, with the number of the node.
    acknowledgements: Mutex<Vec<(Instant, usize)>>,
    findings: Mutex<Vec<String>>,
    /// Other noteworthy events and their counts.
    notes: Mutex<BTreeMap<String, u64>>,
}

impl Observations {
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

    /// Records a 201 by a node. `is_first` is whether the 201 is the first for its key.
    pub(super) fn acknowledge(&self, node: usize, is_first: bool) {
        self.acknowledged.fetch_add(u64::from(is_first), Ordering::Relaxed);
        lock(&self.acknowledgements).push((Instant::now(), node));
    }

    /// Records that something counted twice.
    pub(super) fn doubled(&self, what: String) {
        self.doubled.fetch_add(1, Ordering::Relaxed);
        self.find(what);
    }

    /// Records a finding.
    pub(in crate::dev::chaos) fn find(&self, what: String) {
        tracing::error!("{what}");
        let mut findings = lock(&self.findings);
        if findings.len() < FINDINGS_MAX {
            findings.push(what);
        }
    }

    /// Takes the findings since the last call.
    pub(in crate::dev::chaos) fn take_findings(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.findings))
    }

    /// Counts a noteworthy event.
    pub(in crate::dev::chaos) fn note(&self, what: &str) {
        *lock(&self.notes).entry(what.to_owned()).or_default() += 1;
    }

    pub(in crate::dev::chaos) fn notes(&self) -> BTreeMap<String, u64> {
        lock(&self.notes).clone()
    }

    /// Starts measuring before a fault. Discards all but the last second of acknowledgements.
    pub(in crate::dev::chaos) fn begin_measuring(&self) -> Instant {
        let now = Instant::now();
        lock(&self.acknowledgements).retain(|(at, _)| *at + Duration::from_secs(1) > now);
        now
    }

    /// The longest time since this moment in which no node acknowledged a join.
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

    /// The nodes that acknowledged no join since this moment.
    pub(in crate::dev::chaos) fn not_serving_since(&self, since: Instant, nodes: usize) -> Vec<usize> {
        let after = lock(&self.acknowledgements);
        (0..nodes).filter(|node| !after.iter().any(|(at, by)| by == node && *at > since)).collect()
    }
}
