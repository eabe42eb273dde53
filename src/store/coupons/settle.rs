//! Issues the coupons of tipped deals.

use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use uuid::Uuid;

use super::CodeKeyId;
use crate::domain::{AccountId, CouponForm, CouponId, DealId, SignupId};
use crate::store::{Store, StoreError};

/// A signup of a tipped deal that waits for its coupons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsettled {
    /// The signup's deal.
    pub deal: DealId,
    /// The signup.
    pub signup: SignupId,
    /// The signup's buyer.
    pub buyer: AccountId,
    /// The number of coupons to issue.
    pub units: u32,
    /// The deal's `rev` right after this signup.
    pub rev: i64,
    /// The `rev` of the previous unsettled signup, or the `rev` up to which the deal is settled.
    pub after: i64,
}

/// The step that settles a deal from one `rev` up to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settling {
    /// The deal.
    pub deal: DealId,
    /// The `rev` up to which the deal must be settled before this step.
    pub from: i64,
    /// The `rev` up to which the deal is settled after this step.
    pub to: i64,
}

/// A coupon to issue, in [`CouponForm::CURRENT`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CouponToIssue {
    /// The coupon's deal.
    pub deal: DealId,
    /// The coupon's signup.
    pub signup: SignupId,
    /// The signup's buyer.
    pub buyer: AccountId,
    /// The ordinal within the signup: 1 to its units.
    pub ordinal: u32,
    /// Derived from signup and ordinal.
    pub id: CouponId,
    /// The keyed hash of the code, by which the coupon is found.
    pub lookup: [u8; 32],
}

/// A settler's connection, used for all its calls.
pub struct Settler {
    connection: PoolConnection<Postgres>,
}

impl Settler {
    /// At most `most` signups that wait for their coupons. The signups of a deal come in the order of their `rev`,
    /// without gaps.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn unsettled(&mut self, most: u32) -> Result<Vec<Unsettled>, StoreError> {
        // The first call after the tip adds the deal's row to `settling`.
        let rows = sqlx::query!(
            r#"WITH begun AS (
                   INSERT INTO settling (deal, settled_rev)
                   SELECT d.id, 0 FROM deals AS d
                    WHERE d.tipped_at IS NOT NULL AND d.all_settled_at IS NULL AND d.state <> 'withdrawn'
                      AND NOT EXISTS (SELECT FROM settling AS t WHERE t.deal = d.id)
                    ORDER BY d.id
                       ON CONFLICT DO NOTHING
               )
               SELECT s.deal AS "deal!", s.id AS "id!", s.buyer AS "buyer!", s.units AS "units!", s.rev AS "rev!", s.after AS "after!"
                 FROM deals AS d
                 LEFT JOIN settling AS t ON t.deal = d.id
                 JOIN LATERAL (SELECT s.deal, s.id, s.buyer, s.units, s.rev,
                                      lag(s.rev, 1, coalesce(t.settled_rev, 0)) OVER (ORDER BY s.rev) AS after
                                 FROM signups AS s
                                WHERE s.deal = d.id AND s.rev > coalesce(t.settled_rev, 0)
                                  AND s.settled_at IS NULL AND s.state = 'active'
                                ORDER BY s.rev LIMIT $1) AS s ON true
                WHERE d.tipped_at IS NOT NULL AND d.all_settled_at IS NULL AND d.state <> 'withdrawn'
                LIMIT $1"#,
            i64::from(most)
        )
        .fetch_all(&mut *self.connection)
        .await?;
        let read = rows.into_iter().map(|r| Unsettled {
            deal: r.deal.into(),
            signup: r.id.into(),
            buyer: r.buyer.into(),
            units: r.units.cast_unsigned(),
            rev: r.rev,
            after: r.after,
        });
        Ok(read.collect())
    }

    /// Issues these coupons and returns their number. Skips a deal that is not settled exactly up to `from`, or that
    /// another settler has locked.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn issue_coupons(
        &mut self,
        settling: &[Settling],
        coupons: &[CouponToIssue],
        key: CodeKeyId,
    ) -> Result<u64, StoreError> {
        let settled: Vec<Uuid> = settling.iter().map(|s| s.deal.as_uuid()).collect();
        let from: Vec<i64> = settling.iter().map(|s| s.from).collect();
        let to: Vec<i64> = settling.iter().map(|s| s.to).collect();
        let deals: Vec<Uuid> = coupons.iter().map(|c| c.deal.as_uuid()).collect();
        let signups: Vec<Uuid> = coupons.iter().map(|c| c.signup.as_uuid()).collect();
        let buyers: Vec<Uuid> = coupons.iter().map(|c| c.buyer.as_uuid()).collect();
        let ordinals: Vec<i32> = coupons.iter().map(|c| c.ordinal.cast_signed()).collect();
        let ids: Vec<Uuid> = coupons.iter().map(|c| c.id.as_uuid()).collect();
        let lookups: Vec<Vec<u8>> = coupons.iter().map(|c| c.lookup.to_vec()).collect();
        let issued = sqlx::query_scalar!(
            r#"SELECT issue_coupons($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS "issued!""#,
            &settled,
            &from,
            &to,
            &deals,
            &signups,
            &buyers,
            &ordinals,
            &ids,
            &lookups,
            key,
            CouponForm::CURRENT.number()
        )
        .fetch_one(&mut *self.connection)
        .await?;
        Ok(issued.cast_unsigned())
    }
}

impl Store {
    /// Takes one connection for a whole run of settling, because the pool tests a connection each time it lends one.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn settler(&self) -> Result<Settler, StoreError> {
        Ok(Settler { connection: self.pool.acquire().await? })
    }

    /// Marks ended deals that have nothing left to settle, so that settlers skip them.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn mark_settled_deals(&self) -> Result<(), StoreError> {
        sqlx::query!("SELECT mark_settled_deals()").execute(&self.pool).await?;
        Ok(())
    }
}
