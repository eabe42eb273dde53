//! Issuing, listing and redeeming coupons. The codes themselves are not in the database, and not in this module.

use chrono::{DateTime, Utc};
use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use uuid::Uuid;

use super::error::unreadable;
use super::{Cursor, Page, PageRequest, Store, StoreError};
use crate::domain::{AccountId, CouponId, CouponState, DealId, DealState, SignupId};

/// Which of the configured keys made a code.
pub type CodeKeyId = i16;

/// A signup of a tipped deal that waits for its coupons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsettled {
    /// Its deal.
    pub deal: DealId,
    /// The signup.
    pub signup: SignupId,
    /// Whose it is.
    pub buyer: AccountId,
    /// How many coupons it gets.
    pub units: u32,
    /// The deal's version that it made.
    pub rev: i64,
    /// The version of the deal's signup before it, or up to which the deal is settled.
    pub after: i64,
}

/// How far a deal will be settled, if it is settled up to a version now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settling {
    /// The deal.
    pub deal: DealId,
    /// The version up to which it is settled.
    pub from: i64,
    /// And up to which it is to be.
    pub to: i64,
}

/// A coupon that is to be issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CouponToIssue {
    /// Its deal.
    pub deal: DealId,
    /// Its signup.
    pub signup: SignupId,
    /// Whose it is.
    pub buyer: AccountId,
    /// 1 to the signup's units.
    pub ordinal: u32,
    /// Derived from signup and ordinal.
    pub id: CouponId,
    /// The keyed hash by which its code is found.
    pub lookup: [u8; 32],
}

/// A coupon as it is stored: without its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCoupon {
    /// Its id, from which the code is made.
    pub id: CouponId,
    /// With which key.
    pub key: CodeKeyId,
    /// Its deal.
    pub deal: DealId,
    /// Its deal's title.
    pub title: String,
    /// Its signup.
    pub signup: SignupId,
    /// 1 to the signup's units.
    pub ordinal: u32,
    /// What it is good for now.
    pub state: CouponState,
    /// When it was issued.
    pub issued_at: DateTime<Utc>,
    /// Until when it can be redeemed.
    pub expires_at: DateTime<Utc>,
    /// When it was redeemed.
    pub redeemed_at: Option<DateTime<Utc>>,
    /// Where.
    pub redeemed_where: Option<String>,
}

/// A coupon that was redeemed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redemption {
    /// The coupon.
    pub coupon: CouponId,
    /// Its deal.
    pub deal: DealId,
    /// Its deal's title.
    pub title: String,
    /// When.
    pub redeemed_at: DateTime<Utc>,
    /// The name of the till.
    pub redeemed_where: String,
}

/// What redeeming came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedeemAnswer {
    /// It is redeemed now, or was by the same request.
    Redeemed {
        /// What was redeemed.
        redemption: Redemption,
        /// Whether an earlier request with the same key had done it.
        replayed: bool,
    },
    /// Another request had redeemed it.
    AlreadyRedeemed(Redemption),
    /// Its time is over.
    Expired,
    /// Its deal was withdrawn.
    Void,
    /// None of this merchant's coupons has this code.
    UnknownCode,
    /// Too many wrong codes.
    TooMany {
        /// When to try again.
        retry_after_s: u32,
    },
}

/// What settles goes over its connection.
pub struct Settler {
    connection: PoolConnection<Postgres>,
}

impl Settler {
    /// Signups that wait for their coupons, at most `most` of each deal and in all; a deal's in their order, and none left out
    /// between them.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn unsettled(&mut self, most: u32) -> Result<Vec<Unsettled>, StoreError> {
        // A deal that has tipped is noted as settled up to nothing by whoever looks first.
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

    /// Issues these coupons, those of a deal if it is settled just as far as this says and nobody else is settling it.
    /// Answers how many.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn settle_signups(
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
            r#"SELECT settle_signups($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS "issued!""#,
            &settled,
            &from,
            &to,
            &deals,
            &signups,
            &buyers,
            &ordinals,
            &ids,
            &lookups,
            key
        )
        .fetch_one(&mut *self.connection)
        .await?;
        Ok(issued.cast_unsigned())
    }
}

impl Store {
    /// A connection to settle over, for as long as it is kept: a pool tries one each time it is lent.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn settler(&self) -> Result<Settler, StoreError> {
        Ok(Settler { connection: self.pool.acquire().await? })
    }

    /// Notes which ended deals have nothing left to settle, so that nobody looks there again.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn mark_settled_deals(&self) -> Result<(), StoreError> {
        sqlx::query!("SELECT mark_settled_deals()").execute(&self.pool).await?;
        Ok(())
    }

    /// This buyer's coupons, the last first.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn coupons_of_buyer(
        &self,
        buyer: AccountId,
        page: &PageRequest,
    ) -> Result<Page<StoredCoupon>, StoreError> {
        let (at, id) = page.after();
        let rows = sqlx::query_as!(
            CouponRow,
            r#"SELECT c.id, c.key_id, c.deal, d.title, c.signup, c.ordinal, d.state AS deal_state, c.issued_at,
                      d.coupon_expires_at, c.redeemed_at, c.redeemed_where, muster_now() AS "now!"
                 FROM coupons AS c JOIN deals AS d ON d.id = c.deal
                WHERE c.buyer = $1 AND ($2::timestamptz IS NULL OR (c.issued_at, c.id) < ($2, $3::uuid))
                ORDER BY c.issued_at DESC, c.id DESC LIMIT $4"#,
            buyer.as_uuid(),
            at,
            id,
            page.fetch()
        )
        .fetch_all(&self.pool)
        .await?;
        let coupons = rows.into_iter().map(StoredCoupon::try_from).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::cut(coupons, page, |c| Cursor { at: c.issued_at, id: c.id.as_uuid() }))
    }

    /// This buyer's coupon of this id.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn coupon(&self, buyer: AccountId, id: CouponId) -> Result<Option<StoredCoupon>, StoreError> {
        let row = sqlx::query_as!(
            CouponRow,
            r#"SELECT c.id, c.key_id, c.deal, d.title, c.signup, c.ordinal, d.state AS deal_state, c.issued_at,
                      d.coupon_expires_at, c.redeemed_at, c.redeemed_where, muster_now() AS "now!"
                 FROM coupons AS c JOIN deals AS d ON d.id = c.deal
                WHERE c.buyer = $1 AND c.id = $2"#,
            buyer.as_uuid(),
            id.as_uuid()
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(StoredCoupon::try_from).transpose()
    }

    /// Redeems the coupon with this look-up hash, if it is of one of this merchant's deals.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn redeem_coupon(
        &self,
        merchant: AccountId,
        till: &str,
        lookup: &[u8; 32],
        key: Option<&str>,
    ) -> Result<RedeemAnswer, StoreError> {
        let row = sqlx::query!(
            r#"SELECT outcome AS "outcome!", coupon, deal, title, redeemed_at, redeemed_where, retry_after_s
                 FROM redeem_coupon($1, $2, $3, $4)"#,
            lookup.as_slice(),
            merchant.as_uuid(),
            till,
            key
        )
        .fetch_one(&self.pool)
        .await?;
        let redemption = || {
            Some(Redemption {
                coupon: row.coupon?.into(),
                deal: row.deal?.into(),
                title: row.title?,
                redeemed_at: row.redeemed_at?,
                redeemed_where: row.redeemed_where.unwrap_or_default(),
            })
        };
        let redeemed = |found: Option<Redemption>| found.ok_or_else(|| unreadable("redemption"));
        Ok(match row.outcome.as_str() {
            "ok" => RedeemAnswer::Redeemed { redemption: redeemed(redemption())?, replayed: false },
            "replay" => RedeemAnswer::Redeemed { redemption: redeemed(redemption())?, replayed: true },
            "already_redeemed" => RedeemAnswer::AlreadyRedeemed(redeemed(redemption())?),
            "expired" => RedeemAnswer::Expired,
            "void" => RedeemAnswer::Void,
            "unknown" => RedeemAnswer::UnknownCode,
            "too_many" => RedeemAnswer::TooMany { retry_after_s: row.retry_after_s.map_or(60, i32::cast_unsigned) },
            _ => return Err(unreadable("answer")),
        })
    }

    /// The last coupons that were redeemed at this merchant's.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn last_redemptions(&self, merchant: AccountId, most: u32) -> Result<Vec<Redemption>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT c.id, c.deal, d.title, c.redeemed_at AS "redeemed_at!", coalesce(c.redeemed_where, '') AS "redeemed_where!"
                 FROM deals AS d JOIN coupons AS c ON c.deal = d.id AND c.redeemed_at IS NOT NULL
                WHERE d.merchant = $1 ORDER BY c.redeemed_at DESC LIMIT $2"#,
            merchant.as_uuid(),
            i64::from(most)
        )
        .fetch_all(&self.pool)
        .await?;
        let read = rows.into_iter().map(|r| Redemption {
            coupon: r.id.into(),
            deal: r.deal.into(),
            title: r.title,
            redeemed_at: r.redeemed_at,
            redeemed_where: r.redeemed_where,
        });
        Ok(read.collect())
    }
}

struct CouponRow {
    id: Uuid,
    key_id: i16,
    deal: Uuid,
    title: String,
    signup: Uuid,
    ordinal: i32,
    deal_state: String,
    issued_at: DateTime<Utc>,
    coupon_expires_at: DateTime<Utc>,
    redeemed_at: Option<DateTime<Utc>>,
    redeemed_where: Option<String>,
    now: DateTime<Utc>,
}

impl TryFrom<CouponRow> for StoredCoupon {
    type Error = StoreError;

    fn try_from(row: CouponRow) -> Result<Self, StoreError> {
        let deal_state = DealState::parse(&row.deal_state).ok_or_else(|| unreadable("state"))?;
        Ok(Self {
            id: row.id.into(),
            key: row.key_id,
            deal: row.deal.into(),
            title: row.title,
            signup: row.signup.into(),
            ordinal: row.ordinal.cast_unsigned(),
            state: CouponState::derive(row.redeemed_at.is_some(), deal_state, row.coupon_expires_at, row.now),
            issued_at: row.issued_at,
            expires_at: row.coupon_expires_at,
            redeemed_at: row.redeemed_at,
            redeemed_where: row.redeemed_where,
        })
    }
}
