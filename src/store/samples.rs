//! A past for sample deals.
//!
//! Sample deals are published, joined, settled, closed and withdrawn like any other, all of it within a second. What cannot
//! be had that way is time: nobody can join a deal of last week. So this moves what happened to when it might have
//! happened, and touches nothing but times: who joined, in which order, and every figure stay as the engine made them.

use chrono::{DateTime, Utc};

use super::{Store, StoreError};
use crate::domain::{AccountId, DealId, Terms};

/// When the things happened that a sample deal is shown with.
#[derive(Clone, Copy, Debug)]
pub struct SampleHistory {
    /// When its draft was written.
    pub created_at: DateTime<Utc>,
    /// When it was published: an hour or more later, which is what tells that a deal has its history.
    pub published_at: DateTime<Utc>,
    /// When somebody last joined or left; all others did since the window began, more of them in its first half.
    pub joined_until: DateTime<Utc>,
    /// When its window ended, if it is over.
    pub closed_at: Option<DateTime<Utc>>,
    /// When it succeeded, failed or was withdrawn, if it did.
    pub ended_at: Option<DateTime<Utc>>,
}

impl Store {
    /// Writes the draft of a sample deal; does nothing if it exists.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn create_sample_deal(
        &self,
        id: DealId,
        merchant: AccountId,
        terms: &Terms,
        picture: Option<&str>,
    ) -> Result<(), StoreError> {
        match self.insert_deal(id, merchant, terms, picture).await {
            Err(StoreError::Taken(_)) => Ok(()),
            written => written,
        }
    }

    /// Lets the window of a sample deal end now, for the closer to find. Does nothing if the deal or its window is over.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn end_window_of_sample(&self, deal: DealId) -> Result<(), StoreError> {
        sqlx::query!(
            "UPDATE deals SET closes_at = muster_now(), changed_at = muster_now(), rev = rev + 1, version = version + 1
              WHERE id = $1 AND state IN ('open', 'tipped') AND closes_at > muster_now()",
            deal.as_uuid()
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Moves what happened to a published sample deal to when it is told to have happened, in one statement; and counts the
    /// messages about it as delivered, for nobody waits for them. Done once: false if the deal has its history.
    ///
    /// What holds before holds after: signups stand in the order of their versions inside the window, the deal tipped with the
    /// signup that reached the tipping point, coupons came after both.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn tell_sample_history(&self, deal: DealId, history: &SampleHistory) -> Result<bool, StoreError> {
        let told = sqlx::query!(
            "WITH sample AS (
                 SELECT d.id, d.rev, d.tipping_point, d.opens_at FROM deals AS d
                  WHERE d.id = $1 AND d.published_at < d.created_at + interval '1 hour'
                    FOR NO KEY UPDATE
             ), moment AS (
                 SELECT v.rev, d.opens_at + ($4::timestamptz - d.opens_at) * power(v.rev::float8 / d.rev, 1.5) AS at
                   FROM sample AS d CROSS JOIN LATERAL generate_series(1, d.rev) AS v (rev)
             ), joined AS (
                 SELECT s.id, s.number, m.at FROM sample AS d JOIN signups AS s ON s.deal = d.id JOIN moment AS m ON m.rev = s.rev
             ), tip AS (
                 SELECT min(j.at) AS at FROM sample AS d JOIN joined AS j ON j.number >= d.tipping_point
             ), moved_signups AS (
                 UPDATE signups AS s
                    SET joined_at = j.at,
                        left_at = CASE WHEN s.state = 'left' THEN
                            (SELECT m.at FROM deal_buyers AS b JOIN moment AS m ON m.rev = b.rev
                              WHERE b.deal = s.deal AND b.buyer = s.buyer) END
                   FROM joined AS j
                  WHERE s.deal = $1 AND s.id = j.id
             ), moved_coupons AS (
                 UPDATE coupons AS c
                    SET issued_at = greatest(j.at, t.at) + interval '1 second',
                        redeemed_at = CASE WHEN c.redeemed_at IS NOT NULL THEN
                            coalesce($6, t.at) + (muster_now() - coalesce($6, t.at)) * ((hashtext(c.id::text) & 1023) / 1024.0::float8) END
                   FROM joined AS j, tip AS t
                  WHERE c.deal = $1 AND c.signup = j.id
             ), told AS (
                 UPDATE outbox AS o SET delivered_at = coalesce(o.delivered_at, muster_now())
                   FROM sample AS d WHERE o.deal = d.id
             )
             UPDATE deals AS d
                SET created_at = $2,
                    published_at = $3,
                    closes_at = coalesce($5, d.closes_at),
                    tipped_at = CASE WHEN d.tipped_at IS NOT NULL THEN t.at END,
                    ended_at = CASE WHEN d.ended_at IS NOT NULL THEN $6::timestamptz END,
                    all_settled_at = CASE WHEN d.all_settled_at IS NOT NULL THEN $6 END
               FROM sample, tip AS t
              WHERE d.id = sample.id",
            deal.as_uuid(),
            history.created_at,
            history.published_at,
            history.joined_until,
            history.closed_at,
            history.ended_at
        )
        .execute(&self.pool)
        .await?;
        Ok(told.rows_affected() > 0)
    }
}
