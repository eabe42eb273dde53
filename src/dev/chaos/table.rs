//! The results of a run as a table, for terminals and in Markdown.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::time::Duration;

use super::workload::Counts;
use crate::engine::AuditReport;

/// Measurements from the injection of a fault until every node acknowledges joins again. A join may be attempted during
/// one fault and acknowledged during the next.
#[derive(Clone, Debug)]
pub(super) struct FaultResult {
    pub(super) name: String,
    pub(super) attempted: u64,
    pub(super) acknowledged: u64,
    pub(super) doubled: u64,
    /// The longest time in which no node acknowledged a join.
    pub(super) without_service: Duration,
    /// Time from undoing the fault until every node acknowledged a join.
    pub(super) back: Duration,
}

/// The sums for all injections of one fault.
#[derive(Clone, Debug, Default)]
struct Row {
    count: u64,
    joins: Counts,
    /// Lost joins in all rounds with this fault.
    lost: u64,
    oversold: u64,
    without_service: Vec<Duration>,
    back: Vec<Duration>,
}

/// The results of a run. `Display` prints a table for terminals.
#[derive(Clone, Debug)]
pub struct Table {
    seed: u64,
    rows: BTreeMap<String, Row>,
    rounds: usize,
    lost: u64,
    oversold: u64,
    findings: Vec<String>,
    took: Duration,
    notes: BTreeMap<String, u64>,
}

impl Table {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            rows: BTreeMap::new(),
            rounds: 0,
            lost: 0,
            oversold: 0,
            findings: Vec::new(),
            took: Duration::ZERO,
            notes: BTreeMap::new(),
        }
    }

    pub(super) fn rounds(&self) -> usize {
        self.rounds
    }

    pub(super) fn add_round(&mut self, happened: &[FaultResult], report: &AuditReport, findings: &[String]) {
        let found = |id: &str| report.checks().filter(|check| check.id == id).map(|check| check.findings).sum::<u64>();
        let (lost, oversold) = (found("L1"), found("I1"));
        self.rounds += 1;
        self.lost += lost;
        self.oversold += oversold;
        self.findings.extend_from_slice(findings);
        for fault in happened {
            let row = self.rows.entry(fault.name.clone()).or_default();
            row.count += 1;
            row.joins.attempted += fault.attempted;
            row.joins.acknowledged += fault.acknowledged;
            row.joins.doubled += fault.doubled;
            row.lost += lost;
            row.oversold += oversold;
            row.without_service.push(fault.without_service);
            row.back.push(fault.back);
        }
    }

    pub(super) fn find(&mut self, finding: String) {
        self.findings.push(finding);
    }

    pub(super) fn finish(&mut self, took: Duration, notes: BTreeMap<String, u64>) {
        self.took = took;
        self.notes = notes;
    }

    /// Whether every invariant held.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.lost == 0 && self.oversold == 0 && self.doubled() == 0
    }

    fn doubled(&self) -> u64 {
        self.rows.values().map(|row| row.joins.doubled).sum()
    }

    /// The table as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "{}\n\n| Fault | Times | Joins attempted | Acknowledged | Lost | Oversold | Doubled | No observations, median | longest | Every node again, longest |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
            self.summary()
        );
        for cells in self.cells() {
            writeln!(text, "| {} |", cells.join(" | ")).ok();
        }
        text
    }

    /// One sentence with the totals.
    #[must_use]
    pub fn summary(&self) -> String {
        let sum = |of: fn(&Row) -> u64| self.rows.values().map(of).sum::<u64>();
        format!(
            "{} faults of {} kinds in {} rounds and {} min {} s, seed {}: {} joins attempted, {} acknowledged, {} lost, {} oversold, {} doubled, {} findings.",
            sum(|row| row.count),
            self.rows.len(),
            self.rounds,
            self.took.as_secs() / 60,
            self.took.as_secs() % 60,
            self.seed,
            sum(|row| row.joins.attempted),
            sum(|row| row.joins.acknowledged),
            self.lost,
            self.oversold,
            self.doubled(),
            self.findings.len(),
        )
    }

    fn cells(&self) -> Vec<[String; 10]> {
        let longest = |times: &[Duration]| times.iter().max().copied().unwrap_or_default();
        let row = |(name, row): (&String, &Row)| {
            [
                name.clone(),
                row.count.to_string(),
                row.joins.attempted.to_string(),
                row.joins.acknowledged.to_string(),
                row.lost.to_string(),
                row.oversold.to_string(),
                row.joins.doubled.to_string(),
                seconds(median(&row.without_service)),
                seconds(longest(&row.without_service)),
                seconds(longest(&row.back)),
            ]
        };
        self.rows.iter().map(row).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HEAD: [&str; 10] = [
            "fault",
            "times",
            "joins",
            "acked",
            "lost",
            "oversold",
            "doubled",
            "no observations",
            "longest",
            "all back",
        ];
        let line = |f: &mut fmt::Formatter<'_>, cells: &[String]| {
            let [name, rest @ ..] = cells else { return Ok(()) };
            write!(f, "  {name:<42}")?;
            rest.iter().try_for_each(|cell| write!(f, "{cell:>11}"))?;
            writeln!(f)
        };
        line(f, &HEAD.map(str::to_owned))?;
        for cells in self.cells() {
            line(f, &cells)?;
        }
        for (note, count) in &self.notes {
            writeln!(f, "  {note}: {count}")?;
        }
        write!(f, "{}", self.summary())
    }
}

fn median(times: &[Duration]) -> Duration {
    let mut times = times.to_vec();
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
