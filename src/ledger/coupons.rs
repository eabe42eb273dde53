//! Issuing, listing and redeeming coupons. The codes themselves are not in the database, and not in this module.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::error::unreadable;
use super::{Cursor, Ledger, LedgerError, Page, PageRequest};
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
    /// How many coupons it gets.
    pub units: u32,
}

/// A coupon that is to be issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CouponToIssue {
    /// Its deal.
    pub deal: DealId,
    /// Its signup.
    pub signup: SignupId,
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

impl Ledger {
    /// Signups that wait for their coupons, at most `most` of each deal and in all.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn unsettled(&self, most: u32) -> Result<Vec<Unsettled>, LedgerError> {
        let rows = sqlx::query!(
            r#"SELECT s.deal AS "deal!", s.id AS "id!", s.units AS "units!"
                 FROM deals AS d
                 JOIN LATERAL (SELECT s.deal, s.id, s.units FROM signups AS s
                                WHERE s.deal = d.id AND s.settled_at IS NULL AND s.state = 'active'
                                ORDER BY s.rev LIMIT $1) AS s ON true
                WHERE d.tipped_at IS NOT NULL AND d.all_settled_at IS NULL AND d.state <> 'withdrawn'
                LIMIT $1"#,
            i64::from(most)
        )
        .fetch_all(&self.pool)
        .await?;
        let read = |deal: Uuid, id: Uuid, units: i32| Unsettled {
            deal: deal.into(),
            signup: id.into(),
            units: units.cast_unsigned(),
        };
        Ok(rows.into_iter().map(|r| read(r.deal, r.id, r.units)).collect())
    }

    /// Issues coupons for the signups among these that still wait and that nobody else is settling. Answers how many.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn settle_signups(&self, coupons: &[CouponToIssue], key: CodeKeyId) -> Result<u64, LedgerError> {
        let deals: Vec<Uuid> = coupons.iter().map(|c| c.deal.as_uuid()).collect();
        let signups: Vec<Uuid> = coupons.iter().map(|c| c.signup.as_uuid()).collect();
        let ordinals: Vec<i32> = coupons.iter().map(|c| c.ordinal.cast_signed()).collect();
        let ids: Vec<Uuid> = coupons.iter().map(|c| c.id.as_uuid()).collect();
        let lookups: Vec<Vec<u8>> = coupons.iter().map(|c| c.lookup.to_vec()).collect();
        let issued = sqlx::query_scalar!(
            r#"SELECT settle_signups($1, $2, $3, $4, $5, $6) AS "issued!""#,
            &deals,
            &signups,
            &ordinals,
            &ids,
            &lookups,
            key
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(issued.cast_unsigned())
    }

    /// Notes which ended deals have nothing left to settle, so that nobody looks there again.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn mark_settled_deals(&self) -> Result<(), LedgerError> {
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
    ) -> Result<Page<StoredCoupon>, LedgerError> {
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
    pub async fn coupon(&self, buyer: AccountId, id: CouponId) -> Result<Option<StoredCoupon>, LedgerError> {
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
    ) -> Result<RedeemAnswer, LedgerError> {
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
    pub async fn last_redemptions(&self, merchant: AccountId, most: u32) -> Result<Vec<Redemption>, LedgerError> {
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
    type Error = LedgerError;

    fn try_from(row: CouponRow) -> Result<Self, LedgerError> {
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
