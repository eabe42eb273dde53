//! The audit: checks every invariant on a live system.
//!
//! It goes deal by deal, with one short statement for each check and no transaction, so it does not block joins.
//! Postgres and Redis cannot be read at the same moment. Redis is read first, so its state may only be older than that
//! of Postgres. A difference counts only if it persists. Must never write anything.
//!
//! I1 to I13 check Postgres (`postgres/`), Q1 to Q3 check Redis (`redis/`), and L1 to L3 check what clients logged
//! ([`client_log`]).

pub mod client_log;
mod postgres;
mod redis;
mod report;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::domain::DealId;
use crate::quota::{InspectError, Quota};
use crate::store::{Store, StoreError};

use self::client_log::{LogError, Logged};
use self::postgres::Invariant;
use self::redis::{Inspector, Suspicion};
use self::report::Rule;
pub use self::report::{AuditOutcome, AuditReport, CheckReport, Finding};

/// The number of deal ids in one read.
const PAGE: u32 = 500;
/// The wait before the first recheck of a suspicion about Redis. Each further wait is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The scope of an audit, and how long a difference may persist.
#[derive(Clone, Debug)]
pub struct AuditOptions {
    /// Only this deal.
    pub deal: Option<DealId>,
    /// Client logs to compare with Postgres.
    pub logs: Vec<PathBuf>,
    /// How long Redis may differ from Postgres.
    pub persistence: Duration,
    /// How long a hold may exist while no join is recorded. `None`: a little longer than the TTL of a hold.
    pub hold_persistence: Option<Duration>,
}

impl Default for AuditOptions {
    fn default() -> Self {
        Self { deal: None, logs: Vec::new(), persistence: Duration::from_secs(10), hold_persistence: None }
    }
}

impl AuditOptions {
    /// For a system at rest: no difference may persist.
    #[must_use]
    pub fn at_rest() -> Self {
        Self { persistence: Duration::ZERO, hold_persistence: Some(Duration::ZERO), ..Self::default() }
    }
}

/// The progress of an audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditStep {
    /// Deals were checked.
    Deals {
        /// Deals checked so far.
        done: u64,
        /// Deals to check.
        total: u64,
    },
    /// This many suspicions about Redis are being rechecked.
    Rechecking(usize),
    /// The clients' logs are being compared.
    Logs,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// Postgres is unavailable, or a statement took too long.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The deal to check does not exist.
    #[error("there is no deal {0}")]
    NoSuchDeal(DealId),
    /// A client's log is unreadable.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// The auditor. Cheap to clone.
#[derive(Clone)]
pub struct Audit {
    store: Store,
    quota: Quota,
    /// Allows one audit at a time: concurrent audits would slow down each other and the system.
    alone: Arc<Mutex<()>>,
}

impl Audit {
    pub(super) fn new(store: Store, quota: Quota) -> Self {
        Self { store, quota, alone: Arc::default() }
    }

    /// Runs every check. `step` receives the progress.
    ///
    /// # Errors
    /// Postgres could not be checked, the deal does not exist, or a log is unreadable. If Redis is unavailable, the
    /// report marks the Redis checks as not made.
    pub async fn run(
        &self,
        options: &AuditOptions,
        mut step: impl FnMut(AuditStep),
    ) -> Result<AuditReport, AuditError> {
        let _alone = self.alone.lock().await;
        let began = Instant::now();
        // The logs are read first, so that a wrong path fails before the audit runs.
        let logged = Logged::read(&options.logs, options.deal)?;
        let mut report = AuditReport::begin(!options.logs.is_empty());
        let mut inspector = Inspector::open(&self.quota).await;
        let mut suspicions = Vec::new();
        let total = match options.deal {
            Some(_) => 1,
            None => self.store.count_deals().await?,
        };
        let mut last = None;
        loop {
            let deals = self.page_of_deals(options.deal, last).await?;
            for deal in &deals {
                for invariant in Invariant::ALL {
                    let since = Instant::now();
                    let checked = self.store.check(invariant, *deal).await?;
                    report.tally(Rule::Store(invariant)).add(*deal, checked, since.elapsed());
                }
                self.suspect_deal(&mut inspector, *deal, &mut report, &mut suspicions).await?;
                report.deals += 1;
                step(AuditStep::Deals { done: report.deals, total: total.max(report.deals) });
            }
            last = deals.last().copied();
            if options.deal.is_some() || deals.len() < PAGE as usize {
                break;
            }
        }
        self.suspect_keys(&mut inspector, options.deal, &mut report, &mut suspicions).await?;
        self.recheck(&mut inspector, options, suspicions, &mut report, &mut step).await?;
        if let Err(why) = &inspector {
            for rule in Rule::OF_REDIS {
                report.tally(rule).could_not_look(why);
            }
        }
        if !options.logs.is_empty() {
            step(AuditStep::Logs);
            client_log::compare(&self.store, &logged, &mut report).await?;
        }
        report.took = began.elapsed();
        Ok(report)
    }

    async fn page_of_deals(&self, only: Option<DealId>, last: Option<DealId>) -> Result<Vec<DealId>, AuditError> {
        let Some(deal) = only else { return Ok(self.store.deals_after(last, PAGE).await?) };
        let exists = self.store.deal(deal).await?.is_some();
        if exists { Ok(vec![deal]) } else { Err(AuditError::NoSuchDeal(deal)) }
    }

    /// First check of Q1 and Q2 for one deal.
    async fn suspect_deal(
        &self,
        inspector: &mut Result<Inspector, InspectError>,
        deal: DealId,
        report: &mut AuditReport,
        suspicions: &mut Vec<Suspicion>,
    ) -> Result<(), AuditError> {
        let Ok(open) = inspector else { return Ok(()) };
        match self::redis::inspect_deal(open, &self.store, deal, None, report).await? {
            Ok(found) => suspicions.extend(found),
            Err(why) => *inspector = Err(why),
        }
        Ok(())
    }

    /// First check of Q3.
    async fn suspect_keys(
        &self,
        inspector: &mut Result<Inspector, InspectError>,
        only: Option<DealId>,
        report: &mut AuditReport,
        suspicions: &mut Vec<Suspicion>,
    ) -> Result<(), AuditError> {
        let Ok(open) = inspector else { return Ok(()) };
        match self::redis::inspect_keys(open, &self.store, only, report).await? {
            Ok(found) => suspicions.extend(found),
            Err(why) => *inspector = Err(why),
        }
        Ok(())
    }

    /// Rechecks the suspicions with growing waits, until each has cleared or has persisted long enough to be a finding.
    async fn recheck(
        &self,
        inspector: &mut Result<Inspector, InspectError>,
        options: &AuditOptions,
        suspicions: Vec<Suspicion>,
        report: &mut AuditReport,
        step: &mut impl FnMut(AuditStep),
    ) -> Result<(), AuditError> {
        let Ok(open) = inspector else { return Ok(()) };
        let hold_limit = options.hold_persistence.unwrap_or_else(|| self.quota.hold_ttl() + Duration::from_secs(5));
        let (since, mut wait, mut rest) = (Instant::now(), FIRST_WAIT, suspicions);
        while !rest.is_empty() {
            step(AuditStep::Rechecking(rest.len()));
            let most = rest.iter().map(|suspicion| suspicion.persistence(options.persistence, hold_limit)).max();
            tokio::time::sleep(wait.min(most.unwrap_or_default().saturating_sub(since.elapsed()))).await;
            wait = (wait * 2).min(LONGEST_WAIT);
            let passed = since.elapsed();
            rest = match self::redis::recheck(open, &self.store, rest, options.deal).await? {
                Ok(still) => still,
                Err(why) => {
                    *inspector = Err(why);
                    return Ok(());
                }
            };
            for persistent in
                rest.extract_if(.., |suspicion| suspicion.persistence(options.persistence, hold_limit) <= passed)
            {
                persistent.report(report);
            }
        }
        Ok(())
    }
}
