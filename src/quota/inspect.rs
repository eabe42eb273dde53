//! Reads Redis for the reconciler and for tests. No join uses these reads.
//!
//! The reconciler reads over the link over which it repairs. Tests read over the pool.

use std::collections::HashMap;

use redis::aio::ConnectionLike;
use redis::{AsyncCommands, RedisError};

use super::link::Link;
use super::{InspectError, Quota, Unavailable};
use crate::domain::{AccountId, DealId, DealState};

/// A loaded deal's figures in Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DealInRedis {
    /// Epoch of the figures.
    pub epoch: i64,
    /// Version of the figures.
    pub rev: i64,
    /// The version up to which Redis has every change.
    pub applied: i64,
    /// The deal's state.
    pub state: DealState,
    /// Distinct buyers.
    pub buyers: u32,
    /// Units taken.
    pub units: u32,
}

/// A deal's holds in Redis.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HoldsInRedis {
    /// The sum of units that admission reads.
    pub sum_units: i64,
    /// The sum of new buyers that admission reads.
    pub sum_new: i64,
    /// The units of all entries, which must equal `sum_units`.
    pub units: i64,
    /// The new buyers of all entries, which must equal `sum_new`.
    pub new: i64,
    /// Number of holds.
    pub holds: usize,
    /// Number of holds that never expire.
    pub without_end: usize,
}

/// The fields of one deal in the order read: epoch, rev, applied, state, buyers, units, loaded.
type Fields = (Option<i64>, Option<i64>, Option<i64>, Option<String>, Option<u32>, Option<u32>, Option<String>);

impl Quota {
    /// The figures of these deals, read over this connection. Deals that are not loaded are left out.
    ///
    /// # Errors
    /// Redis is unavailable.
    pub async fn figures_over(
        &self,
        link: &Link,
        deals: &[DealId],
    ) -> Result<HashMap<DealId, DealInRedis>, Unavailable> {
        let figures = self.read_figures(&mut link.connection.clone(), deals).await;
        figures.map_err(|error| self.lost(link, "figures", &error))
    }

    /// [`Quota::figures_over`] over a connection of the pool.
    ///
    /// # Errors
    /// Redis is unavailable.
    pub async fn figures(&self, deals: &[DealId]) -> Result<HashMap<DealId, DealInRedis>, InspectError> {
        Ok(self.read_figures(&mut self.pooled().await?, deals).await?)
    }

    async fn read_figures(
        &self,
        connection: &mut impl ConnectionLike,
        deals: &[DealId],
    ) -> Result<HashMap<DealId, DealInRedis>, RedisError> {
        let mut pipe = redis::pipe();
        for deal in deals {
            pipe.cmd("HMGET").arg(self.keys.quota(*deal));
            pipe.arg(&["epoch", "rev", "applied", "state", "buyers", "units", "loaded"]);
        }
        let rows: Vec<Fields> = pipe.query_async(connection).await?;
        let loaded =
            deals.iter().zip(rows).filter_map(|(deal, (epoch, rev, applied, state, buyers, units, loaded))| {
                (loaded.as_deref() == Some("1")).then_some(())?;
                let state = DealState::parse(&state?)?;
                Some((
                    *deal,
                    DealInRedis { epoch: epoch?, rev: rev?, applied: applied?, state, buyers: buyers?, units: units? },
                ))
            });
        Ok(loaded.collect())
    }

    /// A deal's holds, including expired ones that are not dropped yet.
    ///
    /// # Errors
    /// Redis is unavailable.
    pub async fn holds(&self, deal: DealId) -> Result<HoldsInRedis, InspectError> {
        let mut pipe = redis::pipe();
        pipe.atomic().hgetall(self.keys.held(deal)).zrange_withscores(self.keys.holds(deal), 0, -1);
        let (held, ends): (HashMap<String, String>, Vec<(String, f64)>) =
            pipe.query_async(&mut self.pooled().await?).await?;
        let ends: HashMap<String, f64> = ends.into_iter().collect();
        let mut found = HoldsInRedis::default();
        for (field, value) in &held {
            match field.as_str() {
                "=units" => found.sum_units = value.parse().unwrap_or(-1),
                "=new" => found.sum_new = value.parse().unwrap_or(-1),
                "=ends" => {}
                signup => {
                    let (units, new) = value.split_once(' ').unwrap_or_default();
                    found.units += units.parse::<i64>().unwrap_or(0);
                    found.new += new.parse::<i64>().unwrap_or(0);
                    found.holds += 1;
                    found.without_end += usize::from(!ends.contains_key(signup));
                }
            }
        }
        Ok(found)
    }

    /// The units of every known buyer of a deal.
    ///
    /// # Errors
    /// Redis is unavailable.
    pub async fn buyers(&self, deal: DealId) -> Result<HashMap<AccountId, u32>, InspectError> {
        let known: HashMap<String, String> = self.pooled().await?.hgetall(self.keys.buyers(deal)).await?;
        let read =
            |(buyer, units): (String, String)| Some((buyer.parse().ok()?, units.split_once(' ')?.0.parse().ok()?));
        Ok(known.into_iter().filter_map(read).collect())
    }
}
