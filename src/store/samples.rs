//! Backdates sample deals.
//!
//! The engine creates sample deals like other deals, within seconds. This module moves their times into the past. It
//! changes only times: buyers, order and figures stay as the engine recorded them.

use chrono::{DateTime, Utc};

use super::{Store, StoreError};
use crate::domain::{DealId, MerchantId, Terms};

/// The times that a sample deal should show.
#[derive(Clone, Copy, Debug)]
pub struct SampleHistory {
    pub created_at: DateTime<Utc>,
    /// At least an hour after `created_at`. A shorter time marks a deal that is not backdated yet.
    pub published_at: DateTime<Utc>,
    /// The time of the last join or leave. Earlier ones are spread from the start of the window up to this time, more
    /// densely at the start.
    pub joined_until: DateTime<Utc>,
    /// The end of the window, if it is over.
    pub closed_at: Option<DateTime<Utc>>,
    /// When the deal succeeded, failed or was withdrawn, if it has ended.
    pub ended_at: Option<DateTime<Utc>>,
}

impl Store {
    /// Creates the draft of a sample deal, unless the deal exists.
    pub async fn create_sample_deal(
        &self,
        id: DealId,
        merchant: MerchantId,
        terms: &Terms,
        picture: Option<&str>,
    ) -> Result<(), StoreError> {
        match self.insert_deal(id, merchant, terms, picture).await {
            Err(StoreError::Taken(_)) => Ok(()),
            written => written,
        }
    }

    /// Ends the window of a sample deal now, so that the closer finds it. Does nothing if the deal or its window is
    /// over.
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

    /// Backdates a published sample deal in one statement, and marks its messages as delivered. Returns false if the
    /// deal was backdated before.
    ///
    /// Every invariant still holds afterwards. Signups are inside the window, in the order of their `rev`. The deal
    /// tips with the signup that reaches the tipping point, and coupons are issued after both.
    pub async fn tell_sample_history(&self, deal: DealId, history: &SampleHistory) -> Result<bool, StoreError> {
        let updated = sqlx::query!(
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
                SET rev = d.rev + 1,
                    changed_at = muster_now(),
                    created_at = $2,
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
        Ok(updated.rows_affected() > 0)
    }
}
