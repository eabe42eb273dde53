//! Looking whether everything that was promised holds, on a live system.
//!
//! Deal by deal, one short statement for each check, no transaction: joins go on meanwhile and make no difference. Postgres
//! and Redis cannot be read at the same moment, so Redis is read first and may only be older; what looks wrong there counts
//! if it is still so some time later. Must never write anything.
//!
//! I1 to I13 are what must hold in Postgres ([`crate::store::Invariant`]), Q1 to Q3 what Redis must say, L1 to L3 what
//! clients saw ([`crate::client_log`]).

mod clients;
mod logs;
mod quotas;
mod report;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::Engine;
use crate::client_log::LogError;
use crate::domain::DealId;
use crate::quota::{CannotLook, Inspector};
use crate::store::{Invariant, StoreError};

use self::logs::Logged;
use self::quotas::Suspicion;
use self::report::Rule;
pub use self::report::{AuditOutcome, AuditReport, CheckReport, Finding};

/// Deals whose ids are read at a time.
const PAGE: u32 = 500;
/// Between two looks at what looked wrong in Redis; twice as long from look to look.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// What to look at, and how patiently.
#[derive(Clone, Debug)]
pub struct AuditOptions {
    /// This deal alone.
    pub deal: Option<DealId>,
    /// What clients wrote down, to be compared as well.
    pub logs: Vec<PathBuf>,
    /// How long Redis may say something else than Postgres.
    pub persistence: Duration,
    /// How long a place may be held while nobody is recorded: without one, a little longer than holds last.
    pub hold_persistence: Option<Duration>,
}

impl Default for AuditOptions {
    fn default() -> Self {
        Self { deal: None, logs: Vec::new(), persistence: Duration::from_secs(10), hold_persistence: None }
    }
}

impl AuditOptions {
    /// For a system where nothing is under way: whatever looks wrong is looked at again at once.
    #[must_use]
    pub fn at_rest() -> Self {
        Self { persistence: Duration::ZERO, hold_persistence: Some(Duration::ZERO), ..Self::default() }
    }
}

/// How far the audit has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditStep {
    /// So many of so many deals were looked at.
    Deals {
        /// How many were.
        done: u64,
        /// Of how many.
        total: u64,
    },
    /// So much looks wrong in Redis, and is looked at again.
    LookingAgain(usize),
    /// The clients' logs are compared.
    Logs,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// Postgres is away, or a statement took too long.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The only deal to look at does not exist.
    #[error("there is no deal {0}")]
    NoSuchDeal(DealId),
    /// A client's log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl Engine {
    /// Looks at everything, and tells each step.
    ///
    /// # Errors
    /// Nothing could be told of Postgres. When Redis is away, the report says that its checks were not made.
    pub async fn audit(
        &self,
        options: &AuditOptions,
        mut step: impl FnMut(AuditStep),
    ) -> Result<AuditReport, AuditError> {
        let _alone = self.auditing.lock().await;
        let began = Instant::now();
        // Before anything else: a wrong path should not cost the time of an audit.
        let logged = Logged::read(&options.logs, options.deal)?;
        let mut report = AuditReport::begin(!options.logs.is_empty());
        let mut inspector = self.quota.inspector().await;
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
                    let looked = self.store.look(invariant, *deal).await?;
                    report.tally(Rule::Store(invariant)).add(*deal, looked, since.elapsed());
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
        self.look_again(&mut inspector, options, suspicions, &mut report, &mut step).await?;
        if let Err(why) = &inspector {
            for rule in Rule::OF_REDIS {
                report.tally(rule).could_not_look(why);
            }
        }
        if !options.logs.is_empty() {
            step(AuditStep::Logs);
            clients::compare(&self.store, &logged, &mut report).await?;
        }
        report.took = began.elapsed();
        Ok(report)
    }

    async fn page_of_deals(&self, only: Option<DealId>, last: Option<DealId>) -> Result<Vec<DealId>, AuditError> {
        let Some(deal) = only else { return Ok(self.store.deals_after(last, PAGE).await?) };
        let exists = self.store.deal(deal).await?.is_some();
        if exists { Ok(vec![deal]) } else { Err(AuditError::NoSuchDeal(deal)) }
    }

    /// Q1 and Q2 of one deal, at a first look.
    async fn suspect_deal(
        &self,
        inspector: &mut Result<Inspector, CannotLook>,
        deal: DealId,
        report: &mut AuditReport,
        suspicions: &mut Vec<Suspicion>,
    ) -> Result<(), AuditError> {
        let Ok(open) = inspector else { return Ok(()) };
        match quotas::look(open, &self.store, deal, None, report).await? {
            Ok(found) => suspicions.extend(found),
            Err(why) => *inspector = Err(why),
        }
        Ok(())
    }

    /// Q3, at a first look.
    async fn suspect_keys(
        &self,
        inspector: &mut Result<Inspector, CannotLook>,
        only: Option<DealId>,
        report: &mut AuditReport,
        suspicions: &mut Vec<Suspicion>,
    ) -> Result<(), AuditError> {
        let Ok(open) = inspector else { return Ok(()) };
        match quotas::look_at_keys(open, &self.store, only, report).await? {
            Ok(found) => suspicions.extend(found),
            Err(why) => *inspector = Err(why),
        }
        Ok(())
    }

    /// Looks again at what looked wrong, ever more seldom, until nothing does any more or it did for long enough.
    async fn look_again(
        &self,
        inspector: &mut Result<Inspector, CannotLook>,
        options: &AuditOptions,
        suspicions: Vec<Suspicion>,
        report: &mut AuditReport,
        step: &mut impl FnMut(AuditStep),
    ) -> Result<(), AuditError> {
        let Ok(open) = inspector else { return Ok(()) };
        let of_holds = options.hold_persistence.unwrap_or_else(|| self.quota.hold_ttl() + Duration::from_secs(5));
        let (since, mut wait, mut rest) = (Instant::now(), FIRST_WAIT, suspicions);
        while !rest.is_empty() {
            step(AuditStep::LookingAgain(rest.len()));
            let most = rest.iter().map(|suspicion| suspicion.persistence(options.persistence, of_holds)).max();
            tokio::time::sleep(wait.min(most.unwrap_or_default().saturating_sub(since.elapsed()))).await;
            wait = (wait * 2).min(LONGEST_WAIT);
            let passed = since.elapsed();
            rest = match quotas::still_there(open, &self.store, rest, options.deal).await? {
                Ok(still) => still,
                Err(why) => {
                    *inspector = Err(why);
                    return Ok(());
                }
            };
            for certain in rest.extract_if(.., |one| one.persistence(options.persistence, of_holds) <= passed) {
                certain.report(report);
            }
        }
        Ok(())
    }
}
