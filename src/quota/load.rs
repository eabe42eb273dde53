//! Loads a deal into Redis: [`Quota::begin_load`], [`Load::buyers`] and [`Load::finish`].
//!
//! The caller reads the snapshot from Postgres after the load begins, so the snapshot contains every earlier commit. A
//! later commit is applied to the quota, which exists by then. The newer version of figures and terms wins.

use std::time::Duration;

use uuid::Uuid;

use super::apply::BuyerUnits;
use super::link::Link;
use super::{Quota, Unavailable, scripts};
use crate::domain::{DealId, Progress};
use chrono::{DateTime, Utc};

/// How long a node waits while another node loads the same deal.
const WAIT_FOR_ANOTHER: Duration = Duration::from_secs(5);

/// A deal in Postgres at one version, without its buyers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The figures and terms.
    pub progress: Progress,
    /// The start of the deal's window.
    pub opens_at: DateTime<Utc>,
    /// The time of the snapshot.
    pub now: DateTime<Utc>,
}

/// The outcome of beginning a load.
pub enum Begun {
    /// This caller loads the deal.
    Begun(Load),
    /// Another node is loading the deal: try again in a moment.
    Loading,
    /// The deal is loaded already.
    Loaded,
}

/// A load in progress. If it is abandoned, Redis drops its keys within a minute.
pub struct Load {
    quota: Quota,
    link: Link,
    deal: DealId,
    token: String,
}

/// Another load took over, a key is gone, or the epoch changed: begin again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Superseded;

impl Quota {
    /// Begins to load a deal.
    ///
    /// # Errors
    /// Redis is unavailable.
    pub async fn begin_load(&self, deal: DealId) -> Result<Begun, Unavailable> {
        let link = self.any_link()?;
        let token = Uuid::now_v7().to_string();
        let mut call = scripts::LOAD_BEGIN.key(self.keys.quota(deal));
        call.key(self.keys.buyers(deal)).key(self.keys.ranges(deal));
        call.key(self.keys.holds(deal)).key(self.keys.held(deal));
        call.arg(&*link.run_id).arg(&token).arg(millis(WAIT_FOR_ANOTHER));
        match call.invoke_async::<(String,)>(&mut link.connection.clone()).await {
            Ok((word,)) => Ok(match word.as_str() {
                "begun" => Begun::Begun(Load { quota: self.clone(), link, deal, token }),
                "loaded" => Begun::Loaded,
                _ => Begun::Loading,
            }),
            Err(error) => Err(self.lost(&link, "load", &error)),
        }
    }
}

impl Load {
    /// Adds a chunk of the buyers who ever had a signup. A buyer who left has 0 units.
    ///
    /// # Errors
    /// Redis is unavailable. `Ok(Err(_))`: another load took over.
    pub async fn buyers(&self, chunk: &[BuyerUnits]) -> Result<Result<(), Superseded>, Unavailable> {
        let keys = &self.quota.keys;
        let mut call = scripts::LOAD_BUYERS.key(keys.quota(self.deal));
        call.key(keys.buyers(self.deal)).arg(&self.token);
        for buyer in chunk {
            call.arg(buyer.buyer.to_string()).arg(buyer.units).arg(buyer.rev);
        }
        self.run(&call, "taken").await
    }

    /// Finishes the load, after which Redis admits joins to the deal.
    ///
    /// # Errors
    /// Redis is unavailable. `Ok(Err(_))`: another load took over.
    pub async fn finish(self, snapshot: &Snapshot) -> Result<Result<(), Superseded>, Unavailable> {
        let keys = &self.quota.keys;
        let progress = &snapshot.progress;
        let until_closed = (progress.closes_at - snapshot.now).to_std().unwrap_or_default();
        let stays = until_closed + self.quota.settings.keep_after_closing;
        let mut call = scripts::LOAD_FINISH.key(keys.quota(self.deal));
        call.key(keys.buyers(self.deal)).key(keys.ranges(self.deal)).arg(&self.token);
        call.arg(progress.epoch).arg(progress.rev).arg(progress.state.as_str());
        call.arg(progress.buyers).arg(progress.units).arg(progress.tipping_point);
        call.arg(scripts::cap(progress.cap));
        call.arg(snapshot.opens_at.timestamp_millis()).arg(progress.closes_at.timestamp_millis()).arg(millis(stays));
        self.run(&call, "loaded").await
    }

    async fn run(&self, call: &redis::ScriptInvocation<'_>, good: &str) -> Result<Result<(), Superseded>, Unavailable> {
        match call.invoke_async::<(String,)>(&mut self.link.connection.clone()).await {
            Ok((word,)) if word == good => Ok(Ok(())),
            Ok(_) => Ok(Err(Superseded)),
            Err(error) => Err(self.quota.lost(&self.link, "load", &error)),
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
