//! Checks invariants in Postgres, with one statement for each invariant and deal.
//!
//! A statement sees one snapshot, so concurrent joins do not affect its result. It is short, so it does not slow joins
//! down. This module must never write, and never check two deals in one statement.

mod invariants;
mod signups;

use crate::domain::DealId;
use crate::store::{Store, StoreError};

pub(super) use invariants::Invariant;

/// The result of one check of one deal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::engine::audit) struct Checked {
    /// Number of rows that the check covered.
    pub(in crate::engine::audit) rows: u64,
    /// Number of rows that violate the invariant.
    pub(in crate::engine::audit) violations: u64,
    /// The first violations: what was expected, and what was found.
    pub(in crate::engine::audit) examples: Vec<(String, String)>,
}

impl Store {
    /// The number of deals.
    pub(in crate::engine::audit) async fn count_deals(&self) -> Result<u64, StoreError> {
        let count = sqlx::query_scalar!(r#"SELECT count(*) AS "count!" FROM deals"#).fetch_one(self.pool()).await?;
        Ok(count.cast_unsigned())
    }

    /// The next deals after `last`, ordered by id; at most `most`.
    pub(in crate::engine::audit) async fn deals_after(
        &self,
        last: Option<DealId>,
        most: u32,
    ) -> Result<Vec<DealId>, StoreError> {
        let ids = sqlx::query_scalar!(
            "SELECT id FROM deals WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT $2",
            last.map(DealId::as_uuid),
            i64::from(most)
        )
        .fetch_all(self.pool())
        .await?;
        Ok(ids.into_iter().map(DealId::from).collect())
    }

    /// Checks one invariant for one deal.
    pub(in crate::engine::audit) async fn check(
        &self,
        invariant: Invariant,
        deal: DealId,
    ) -> Result<Checked, StoreError> {
        let row = invariants::check(self.pool(), invariant, deal.as_uuid()).await?;
        Ok(Checked {
            rows: row.looked_at.cast_unsigned(),
            violations: row.wrong.cast_unsigned(),
            examples: row.expected.into_iter().zip(row.found).collect(),
        })
    }
}
