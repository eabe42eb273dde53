//! Reads signups, for comparison with client logs.

use uuid::Uuid;

use crate::domain::{AccountId, DealId, Signup, SignupId};
use crate::store::{SignupRow, Store, StoreError};

/// The parts of a signup that show whether a client attempted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine::audit) struct SignupTrace {
    pub(in crate::engine::audit) id: SignupId,
    pub(in crate::engine::audit) buyer: AccountId,
    /// The deal's `rev` right after this signup.
    pub(in crate::engine::audit) rev: i64,
}

impl Store {
    /// The signups with these ids, of any buyer. Unknown ids are left out.
    pub(in crate::engine::audit) async fn signups_by_id(
        &self,
        wanted: &[(DealId, SignupId)],
    ) -> Result<Vec<Signup>, StoreError> {
        let deals: Vec<Uuid> = wanted.iter().map(|(deal, _)| deal.as_uuid()).collect();
        let ids: Vec<Uuid> = wanted.iter().map(|(_, id)| id.as_uuid()).collect();
        let rows = sqlx::query_as!(
            SignupRow,
            "SELECT s.deal, s.id, s.buyer, s.units, s.number, s.rev, s.state, s.joined_at
               FROM (SELECT DISTINCT w.deal, w.id FROM unnest($1::uuid[], $2::uuid[]) AS w (deal, id)) AS w
               JOIN signups AS s ON s.deal = w.deal AND s.id = w.id",
            &deals,
            &ids
        )
        .fetch_all(self.pool())
        .await?;
        rows.into_iter().map(Signup::try_from).collect()
    }

    /// All signups of a deal.
    pub(in crate::engine::audit) async fn signup_traces(&self, deal: DealId) -> Result<Vec<SignupTrace>, StoreError> {
        let rows = sqlx::query!("SELECT id, buyer, rev FROM signups WHERE deal = $1", deal.as_uuid())
            .fetch_all(self.pool())
            .await?;
        Ok(rows.into_iter().map(|r| SignupTrace { id: r.id.into(), buyer: r.buyer.into(), rev: r.rev }).collect())
    }
}
