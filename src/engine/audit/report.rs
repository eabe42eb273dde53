//! The result of an audit, as a table.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::postgres::{Checked, Invariant};
use crate::domain::DealId;

/// The maximum number of findings that a check keeps. All findings are counted.
const FINDINGS_MAX: usize = 100;

/// A check. The order of the variants is the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    /// A check of Postgres.
    Store(Invariant),
    /// A check of Redis.
    Q1,
    Q2,
    Q3,
    /// A check of clients' logs.
    L1,
    L2,
    L3,
}

impl Rule {
    pub(super) const OF_REDIS: [Self; 3] = [Self::Q1, Self::Q2, Self::Q3];
    const OF_LOGS: [Self; 3] = [Self::L1, Self::L2, Self::L3];

    /// The check's name, what must hold, and what it counts.
    const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Store(invariant) => (invariant.id(), invariant.must_hold(), invariant.counts()),
            Self::Q1 => ("Q1", "Redis says what Postgres says, within 10 seconds", "loaded deals"),
            Self::Q2 => {
                ("Q2", "held units are the sum of the holds, every hold ends, none is left when nobody joins", "holds")
            }
            Self::Q3 => ("Q3", "no key without the prefix and a hash tag", "keys"),
            Self::L1 => ("L1", "every 201 is a signup in Postgres with the same id, deal, units and number", "201s"),
            Self::L2 => ("L2", "every signup in Postgres was attempted by a client", "signups"),
            Self::L3 => (
                "L3",
                "no frame was above the cap or older than the one before it, the last ones equal Postgres",
                "frames",
            ),
        }
    }
}

/// The outcome of an audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// Every check ran, and none found a violation.
    Clean,
    /// A check found a violation.
    Found,
    /// No violation was found, but some check could not run.
    CouldNotLook,
}

impl AuditOutcome {
    /// The word in JSON and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Found => "found",
            Self::CouldNotLook => "could_not_look",
        }
    }
}

/// A violation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The deal. `None` for a key that belongs to no deal.
    pub deal: Option<DealId>,
    /// The condition that must hold.
    pub expected: String,
    /// The actual state.
    pub found: String,
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// The check's name.
    pub id: &'static str,
    /// The condition that must hold.
    pub must_hold: &'static str,
    /// The noun for what the check counts.
    pub counts: &'static str,
    /// The number of things checked.
    pub looked_at: u64,
    /// Number of violations.
    pub findings: u64,
    /// The first violations.
    pub found: Vec<Finding>,
    /// Why this check did not run or did not complete.
    pub could_not_look: Option<String>,
    /// The duration of the check.
    #[serde(rename = "took_ms", serialize_with = "millis")]
    pub took: Duration,
}

impl CheckReport {
    const fn begin(rule: Rule) -> Self {
        let (id, must_hold, counts) = rule.words();
        Self {
            id,
            must_hold,
            counts,
            looked_at: 0,
            findings: 0,
            found: Vec::new(),
            could_not_look: None,
            took: Duration::ZERO,
        }
    }

    /// Adds the result of a check of Postgres for one deal.
    pub(super) fn add(&mut self, deal: DealId, checked: Checked, took: Duration) {
        self.looked_at += checked.rows;
        self.findings += checked.violations;
        self.took += took;
        let findings =
            checked.examples.into_iter().map(|(expected, found)| Finding { deal: Some(deal), expected, found });
        self.found.extend(findings.take(FINDINGS_MAX.saturating_sub(self.found.len())));
    }

    pub(super) fn find(&mut self, finding: Finding) {
        self.findings += 1;
        if self.found.len() < FINDINGS_MAX {
            self.found.push(finding);
        }
    }

    pub(super) fn could_not_look(&mut self, why: &impl fmt::Display) {
        self.could_not_look = Some(why.to_string());
    }
}

/// The table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditReport {
    /// Number of deals checked.
    pub deals: u64,
    /// The duration of the audit, including all waits.
    pub took: Duration,
    checks: BTreeMap<Rule, CheckReport>,
}

impl AuditReport {
    pub(super) fn begin(with_logs: bool) -> Self {
        let logs = if with_logs { Rule::OF_LOGS.as_slice() } else { &[] };
        let rules = Invariant::ALL.map(Rule::Store).into_iter().chain(Rule::OF_REDIS).chain(logs.iter().copied());
        let checks = rules.map(|rule| (rule, CheckReport::begin(rule))).collect();
        Self { deals: 0, took: Duration::ZERO, checks }
    }

    pub(super) fn tally(&mut self, rule: Rule) -> &mut CheckReport {
        self.checks.entry(rule).or_insert_with(|| CheckReport::begin(rule))
    }

    /// One line for each check.
    pub fn checks(&self) -> impl Iterator<Item = &CheckReport> {
        self.checks.values()
    }

    /// The outcome.
    #[must_use]
    pub fn outcome(&self) -> AuditOutcome {
        if self.findings() > 0 {
            AuditOutcome::Found
        } else if self.checks().any(|check| check.could_not_look.is_some()) {
            AuditOutcome::CouldNotLook
        } else {
            AuditOutcome::Clean
        }
    }

    /// Number of violations of all checks.
    #[must_use]
    pub fn findings(&self) -> u64 {
        self.checks().map(|check| check.findings).sum()
    }

    /// The names of the checks that found something.
    #[must_use]
    pub fn failed(&self) -> Vec<&'static str> {
        self.checks().filter(|check| check.findings > 0).map(|check| check.id).collect()
    }
}

impl Serialize for AuditReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Shown<'a> {
            outcome: AuditOutcome,
            deals: u64,
            findings: u64,
            #[serde(serialize_with = "millis")]
            took_ms: Duration,
            checks: Vec<&'a CheckReport>,
        }
        let (outcome, findings) = (self.outcome(), self.findings());
        Shown { outcome, deals: self.deals, findings, took_ms: self.took, checks: self.checks().collect() }
            .serialize(serializer)
    }
}

fn millis<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
}

/// The table as text for a terminal.
impl fmt::Display for AuditReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in self.checks() {
            let result = match (check.findings, &check.could_not_look) {
                (0, None) => "holds".to_owned(),
                (0, Some(_)) => "NOT CHECKED".to_owned(),
                (findings, _) => format!("{findings} FOUND"),
            };
            let checked = format!("{} {}", check.looked_at, check.counts);
            writeln!(
                f,
                "  {:<4} {result:<14} {checked:<20} {:>6} ms  {}",
                check.id,
                check.took.as_millis(),
                check.must_hold
            )?;
            if let Some(why) = &check.could_not_look {
                writeln!(f, "         {why}")?;
            }
            for finding in &check.found {
                let deal = finding.deal.map(|deal| format!("deal {deal}: ")).unwrap_or_default();
                writeln!(f, "         {deal}expected {}; found {}", finding.expected, finding.found)?;
            }
            let omitted = check.findings.saturating_sub(check.found.len() as u64);
            if omitted > 0 {
                writeln!(f, "         and {omitted} more")?;
            }
        }
        let found = match self.outcome() {
            AuditOutcome::Clean => "everything holds".to_owned(),
            AuditOutcome::Found => format!("{} findings ({})", self.findings(), self.failed().join(", ")),
            AuditOutcome::CouldNotLook => "nothing found, but some checks could not run".to_owned(),
        };
        write!(f, "{} deals in {} ms: {found}", self.deals, self.took.as_millis())
    }
}
