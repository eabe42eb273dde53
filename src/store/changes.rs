//! Reads what Redis needs: changed deals with their figures, and whole deals for loading.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::deal_rows::ProgressRow;
use super::{Store, StoreError};
use crate::domain::{AccountId, DealId, Progress};

/// A deal at one version, to compare with Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DealVersion {
    pub progress: Progress,
    pub opens_at: DateTime<Utc>,
}

/// A deal to load into Redis: its figures, its window and its known buyers, from one snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadSnapshot {
    pub progress: Progress,
    pub opens_at: DateTime<Utc>,
    /// The time of the snapshot.
    pub now: DateTime<Utc>,
    /// Each buyer's units (0 after leaving), and the `rev` of their last change.
    pub buyers: Vec<(AccountId, u32, i64)>,
}

impl Store {
    /// Open and tipped deals, and those that ended within the last hour. With `within`, only deals that changed within
    /// that time.
    pub async fn changed_deals(&self, within: Option<Duration>) -> Result<Vec<DealVersion>, StoreError> {
        let seconds = within.map(|within| i32::try_from(within.as_secs()).unwrap_or(i32::MAX));
        let rows = sqlx::query!(
            "SELECT d.id, e.epoch, d.rev, d.state, d.buyers, d.units, d.tipping_point, d.cap, d.opens_at, d.closes_at
               FROM deals AS d CROSS JOIN epoch AS e
              WHERE (d.state IN ('open', 'tipped') OR d.ended_at > muster_now() - interval '1 hour')
                AND ($1::integer IS NULL OR d.changed_at > muster_now() - make_interval(secs => $1))",
            seconds
        )
        .fetch_all(&self.pool)
        .await?;
        let versions = rows.into_iter().map(|row| {
            let progress = ProgressRow {
                id: row.id,
                epoch: row.epoch,
                rev: row.rev,
                state: row.state,
                buyers: row.buyers,
                units: row.units,
                tipping_point: row.tipping_point,
                cap: row.cap,
                closes_at: row.closes_at,
            };
            Ok(DealVersion { progress: progress.try_into()?, opens_at: row.opens_at })
        });
        versions.collect()
    }

    /// The buyers of a deal whose units changed after this `rev`, with their units and the `rev` of their last change.
    pub async fn buyers_changed_after(&self, deal: DealId, rev: i64) -> Result<Vec<(AccountId, u32, i64)>, StoreError> {
        let rows = sqlx::query!(
            "SELECT buyer, held, held_rev FROM signups WHERE deal = $1 AND held_rev > $2",
            deal.as_uuid(),
            rev
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(newest(rows.into_iter().map(|r| (r.buyer.into(), r.held.cast_unsigned(), r.held_rev))))
    }

    /// A published deal with all its buyers, in one statement. `None` for a draft or an unknown deal.
    pub async fn load_snapshot(&self, deal: DealId) -> Result<Option<LoadSnapshot>, StoreError> {
        let row = sqlx::query!(
            r#"SELECT d.id, e.epoch, d.rev, d.state, d.buyers, d.units, d.tipping_point, d.cap, d.opens_at, d.closes_at,
                      muster_now() AS "now!",
                      b.ids AS "buyer_ids!: Vec<Uuid>", b.units AS "buyer_units!: Vec<i32>", b.revs AS "buyer_revs!: Vec<i64>"
                 FROM deals AS d CROSS JOIN epoch AS e
                CROSS JOIN LATERAL (SELECT coalesce(array_agg(b.buyer), '{}') AS ids, coalesce(array_agg(b.held), '{}') AS units,
                                           coalesce(array_agg(b.held_rev), '{}') AS revs
                                      FROM signups AS b WHERE b.deal = d.id) AS b
                WHERE d.id = $1 AND d.state <> 'draft'"#,
            deal.as_uuid()
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let buyers = row.buyer_ids.into_iter().zip(row.buyer_units).zip(row.buyer_revs);
        let progress = ProgressRow {
            id: row.id,
            epoch: row.epoch,
            rev: row.rev,
            state: row.state,
            buyers: row.buyers,
            units: row.units,
            tipping_point: row.tipping_point,
            cap: row.cap,
            closes_at: row.closes_at,
        };
        Ok(Some(LoadSnapshot {
            progress: progress.try_into()?,
            opens_at: row.opens_at,
            now: row.now,
            buyers: newest(buyers.map(|((id, units), rev)| (id.into(), units.cast_unsigned(), rev))),
        }))
    }
}

/// The newest entry of each buyer. Selecting it in Postgres would sort all signups of the deal and take three times as
/// long.
fn newest(entries: impl Iterator<Item = (AccountId, u32, i64)>) -> Vec<(AccountId, u32, i64)> {
    let mut newest: HashMap<AccountId, (u32, i64)> = HashMap::new();
    for (buyer, units, rev) in entries {
        let of_buyer = newest.entry(buyer).or_insert((units, rev));
        if of_buyer.1 < rev {
            *of_buyer = (units, rev);
        }
    }
    newest.into_iter().map(|(buyer, (units, rev))| (buyer, units, rev)).collect()
}
