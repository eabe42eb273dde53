//! `muster seed`: brings the sample deals of [`super::samples`] to the states that they show.
//!
//! Everything happens through the engine's own verbs, so that a sample deal is like any other: published, joined by
//! hundreds of sample buyers through the lanes, settled, redeemed, closed, withdrawn. Only then is it given a past.
//!
//! What always holds:
//!
//! - Seeding again makes nothing twice: ids, e-mail addresses and idempotency keys are derived from names. A seeding that
//!   was killed goes on where it ended.
//! - A sample whose window has ended by itself is offered again, as its next edition.
//! - Sample accounts cannot sign in, apart from the two demo accounts. Must never run for a node that serves real people.

mod accounts;
mod buyers;
mod editions;
mod error;
mod plan;
mod play;

use std::time::{Duration, Instant};

pub use accounts::{DEMO_BUYER, DEMO_MERCHANT, DemoAccount};
pub use error::SeedError;

use super::samples::{self, Sample};
use crate::auth::Auth;
use crate::domain::{Deal, DealId};
use crate::engine::Engine;
use crate::store::Store;

/// What seeding works with.
pub struct Seeder<'a> {
    /// Does everything that happens to the sample deals.
    pub engine: &'a Engine,
    /// Tells what is there, and moves it into the past.
    pub store: &'a Store,
    /// Signs the demo accounts up.
    pub auth: &'a Auth,
    /// Hears of each deal that was made, and how long it took.
    pub report: fn(&str, Duration),
}

/// What there is after seeding.
#[derive(Clone, Debug, Default)]
pub struct SeedOutcome {
    /// The sample deals that were made now.
    pub made: Vec<DealId>,
    /// Those that were there.
    pub found: Vec<DealId>,
    /// Those of both that are left to the simulated crowd.
    pub showcase: Vec<DealId>,
}

impl Seeder<'_> {
    /// Makes the sample deals that are not there, and offers those again whose window has ended.
    ///
    /// # Errors
    /// Postgres is away, or a sample deal cannot be brought to its state.
    pub async fn seed(&self) -> Result<SeedOutcome, SeedError> {
        let mut outcome = SeedOutcome::default();
        self.sign_up_demo_accounts().await?;
        for sample in samples::all() {
            let latest = self.latest_edition(sample).await?;
            let id = match &latest {
                Some((_, deal)) if has_history(deal, sample) && !has_passed(deal, sample) => {
                    outcome.found.push(deal.id);
                    deal.id
                }
                _ => {
                    let edition = latest.map_or(1, |(edition, deal)| next_edition(edition, &deal, sample));
                    let id = self.play_and_report(sample, edition).await?;
                    outcome.made.push(id);
                    id
                }
            };
            if samples::showcase().any(|shown| shown.name == sample.name) {
                outcome.showcase.push(id);
            }
        }
        Ok(outcome)
    }

    /// Deals that a small crowd can tip while somebody watches: those that are there and far enough from it, new ones in
    /// place of the others, whose windows end now.
    ///
    /// # Errors
    /// Postgres is away, or a sample deal cannot be brought to its state.
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
            deals.push(self.play_and_report(sample, edition).await?);
        }
        Ok(deals)
    }

    async fn play_and_report(&self, sample: &'static Sample, edition: u32) -> Result<DealId, SeedError> {
        let since = Instant::now();
        let id = self.play(sample, edition).await?;
        let what = format!("{} in {}: {}", sample.name, sample.shop.city, sample.stage.words());
        (self.report)(&what, since.elapsed());
        Ok(id)
    }
}

/// Whether the deal was brought to its state by a seeding that came to its end: its history is told last.
fn has_history(deal: &Deal, sample: &Sample) -> bool {
    sample.stage == samples::Stage::Draft
        || deal.published_at.is_some_and(|at| at - deal.created_at >= plan::FROM_DRAFT_TO_PUBLISHED)
}

/// Whether the deal has ended, though it was made to show one that goes on.
fn has_passed(deal: &Deal, sample: &Sample) -> bool {
    sample.stage.passes() && !deal.progress.state.sells()
}

fn next_edition(edition: u32, deal: &Deal, sample: &Sample) -> u32 {
    if has_history(deal, sample) { edition.saturating_add(1) } else { edition }
}
