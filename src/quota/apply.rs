//! Applies committed changes to Redis with `lua/apply.lua`: after each commit, and when reconciling.

use std::time::Duration;

use chrono::{DateTime, Utc};
use redis::Value;

use super::link::Link;
use super::{Quota, Unavailable, keys, scripts};
use crate::domain::{AccountId, Progress, SignupId};
use crate::failpoint;

/// A buyer's absolute units in a deal (0 after leaving), and the deal's version at the buyer's last change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuyerUnits {
    /// The buyer's account.
    pub buyer: AccountId,
    /// The sum over the buyer's signups in the deal.
    pub units: u32,
    /// The version that the buyer's last change created.
    pub rev: i64,
}

/// A change of one deal, as sent to Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The figures and terms after the change.
    pub progress: Progress,
    /// The start of the deal's window. Admission needs it; live messages do not contain it.
    pub opens_at: DateTime<Utc>,
    /// The deal's version before the change. Every change after this version, up to that of the figures, is included.
    pub rev_before: i64,
    /// Joins that are recorded or refused, whose holds are dropped.
    pub done: Vec<SignupId>,
    /// The buyers that changed.
    pub buyers: Vec<BuyerUnits>,
}

/// Redis' answer to a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Figures and terms were newer than those in Redis: stored and published.
    Newer,
    /// Redis had these figures or newer ones: only the buyers were stored.
    Same,
    /// Redis has a later epoch: ignored.
    Stale,
    /// The deal is not loaded, or was deleted because the epoch of the change is newer. The next join loads it.
    Missing,
}

impl Quota {
    /// Applies a change, if Redis is available.
    ///
    /// # Errors
    /// Redis is unavailable: the reconciler applies the change later.
    pub async fn apply(&self, change: &Change) -> Result<Applied, Unavailable> {
        let link = self.any_link()?;
        self.apply_over(&link, change).await
    }

    /// Applies a change over this connection.
    ///
    /// # Errors
    /// The connection is lost.
    pub async fn apply_over(&self, link: &Link, change: &Change) -> Result<Applied, Unavailable> {
        let progress = &change.progress;
        let deal = progress.deal;
        let Ok(message) = serde_json::to_string(progress) else { return Err(Unavailable) };
        let mut call = scripts::APPLY.key(self.keys.quota(deal));
        call.key(self.keys.buyers(deal)).key(self.keys.holds(deal)).key(self.keys.held(deal));
        call.key(self.keys.ranges(deal)).key(self.keys.channel(deal));
        call.arg(progress.epoch).arg(progress.rev).arg(change.rev_before);
        call.arg(progress.state.as_str()).arg(progress.buyers).arg(progress.units).arg(progress.tipping_point);
        call.arg(scripts::cap(progress.cap)).arg(change.opens_at.timestamp_millis());
        call.arg(progress.closes_at.timestamp_millis()).arg(message);
        call.arg(change.done.len()).arg(keys::texts(&change.done));
        for buyer in &change.buyers {
            call.arg(buyer.buyer.to_string()).arg(buyer.units).arg(buyer.rev);
        }
        let mut connection = link.connection.clone();
        let call = failpoint::reach_within("mid_apply", Duration::ZERO, call.invoke_async(&mut connection));
        let reply: (String, Value) = match call.await {
            Ok(reply) => reply,
            Err(error) => return Err(self.lost(link, "apply", &error)),
        };
        Ok(match reply.0.as_str() {
            "newer" => Applied::Newer,
            "same" => Applied::Same,
            "stale" => Applied::Stale,
            _ => Applied::Missing,
        })
    }
}
