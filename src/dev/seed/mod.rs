//! `muster seed`: creates the sample deals of `dev::samples` and brings each to its state.
//!
//! Sample deals go through the engine like other deals: they are published, joined by hundreds of buyers, settled,
//! redeemed, closed and withdrawn. Afterwards their timestamps are moved into the past.
//!
//! Invariants:
//!
//! - Seeding is idempotent: ids, e-mail addresses and idempotency keys are derived from names. An interrupted run resumes
//!   where it stopped.
//! - A sample that is meant to be live and whose window has ended is offered again as a new edition.
//! - Only the two demo accounts can sign in. Their password is public, so seeding must never run in production.

mod accounts;
mod buyers;
mod create;
mod editions;
mod error;
mod plan;

use std::time::{Duration, Instant};

pub use accounts::{DEMO_BUYER, DEMO_MERCHANT, DemoAccount};
pub use error::SeedError;

use super::samples::{self, Sample};
use crate::domain::{Deal, DealId};
use crate::engine::Engine;
use crate::people::Auth;
use crate::store::Store;

/// Creates sample deals.
pub struct Seeder<'a> {
    /// The engine that performs all operations on deals.
    pub engine: &'a Engine,
    /// The store, for creating accounts and moving timestamps into the past.
    pub store: &'a Store,
    /// Signs up the demo accounts.
    pub auth: &'a Auth,
    /// Called for each deal that was created, with a line of text and the time that it took.
    pub report: fn(&str, Duration),
}

/// The sample deals after seeding.
#[derive(Clone, Debug, Default)]
pub struct SeedOutcome {
    /// Deals that this seeding created.
    pub created: Vec<DealId>,
    /// Deals that existed before.
    pub existing: Vec<DealId>,
    /// Deals of either kind that a simulated crowd can tip.
    pub showcase: Vec<DealId>,
}

impl Seeder<'_> {
    /// Creates missing sample deals, and new editions of those whose window has ended.
    ///
    /// # Errors
    /// The database was unavailable, or a sample deal could not be brought to its state.
    pub async fn seed(&self) -> Result<SeedOutcome, SeedError> {
        let mut outcome = SeedOutcome::default();
        self.sign_up_demo_accounts().await?;
        for sample in samples::all() {
            let latest = self.latest_edition(sample).await?;
            let id = match &latest {
                Some((_, deal)) if has_history(deal, sample) && !has_passed(deal, sample) => {
                    outcome.existing.push(deal.id);
                    deal.id
                }
                _ => {
                    let edition = latest.map_or(1, |(edition, deal)| next_edition(edition, &deal, sample));
                    let id = self.create_and_report(sample, edition).await?;
                    outcome.created.push(id);
                    id
                }
            };
            if samples::showcase().any(|shown| shown.name == sample.name) {
                outcome.showcase.push(id);
            }
        }
        Ok(outcome)
    }

    /// Returns showcase deals that a small crowd can tip while somebody watches. A deal that is too close to its
    /// tipping point or its deadline is closed and replaced by a new edition.
    ///
    /// # Errors
    /// The database was unavailable, or a sample deal could not be brought to its state.
    pub async fn ensure_showcase(&self) -> Result<Vec<DealId>, SeedError> {
        let now = self.store.ping().await?;
        let mut deals = Vec::new();
        for sample in samples::showcase() {
            let edition = match self.latest_edition(sample).await? {
                None => 1,
                Some((edition, deal)) if !has_history(&deal, sample) => edition,
                Some((_, deal)) if plan::is_worth_watching(&deal, now) => {
                    deals.push(deal.id);
                    continue;
                }
                Some((edition, deal)) => {
                    if deal.progress.state.sells() {
                        self.end_now(deal.id).await?;
                    }
                    edition.saturating_add(1)
                }
            };
            deals.push(self.create_and_report(sample, edition).await?);
        }
        Ok(deals)
    }

    async fn create_and_report(&self, sample: &'static Sample, edition: u32) -> Result<DealId, SeedError> {
        let since = Instant::now();
        let id = self.create(sample, edition).await?;
        let what = format!("{} in {}: {}", sample.name, sample.shop.city, sample.stage.words());
        (self.report)(&what, since.elapsed());
        Ok(id)
    }
}

/// Whether seeding of the deal was completed. Writing its history is the last step.
fn has_history(deal: &Deal, sample: &Sample) -> bool {
    sample.stage == samples::Stage::Draft
        || deal.lifecycle.published_at().is_some_and(|at| at - deal.created_at >= plan::FROM_DRAFT_TO_PUBLISHED)
}

/// Whether the deal has ended although its sample shows a deal that has not ended.
fn has_passed(deal: &Deal, sample: &Sample) -> bool {
    sample.stage.passes() && !deal.progress.state.sells()
}

fn next_edition(edition: u32, deal: &Deal, sample: &Sample) -> u32 {
    if has_history(deal, sample) { edition.saturating_add(1) } else { edition }
}
