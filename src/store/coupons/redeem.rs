//! Redeems coupons.

use chrono::{DateTime, Utc};

use super::till_of;
use crate::domain::{AccountId, CouponId, DealId, MerchantId, Till};
use crate::store::deals::uuids;
use crate::store::error::unreadable;
use crate::store::{Store, StoreError};

/// A coupon that was redeemed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redemption {
    /// The coupon.
    pub coupon: CouponId,
    /// The coupon's deal.
    pub deal: DealId,
    /// The deal's title.
    pub title: String,
    /// When the coupon was redeemed.
    pub redeemed_at: DateTime<Utc>,
    /// The till, if the request named one.
    pub till: Option<Till>,
}

/// The outcome of redeeming a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedeemAnswer {
    /// This request redeemed the coupon.
    Redeemed {
        /// The redeemed coupon.
        redemption: Redemption,
        /// Whether an earlier request with the same key had redeemed the coupon.
        replayed: bool,
    },
    /// A request with another key had redeemed the coupon.
    AlreadyRedeemed(Redemption),
    /// The coupon has expired.
    Expired,
    /// The coupon's deal was withdrawn.
    Void,
    /// No coupon of these merchants has this code.
    UnknownCode,
    /// The account has entered too many wrong codes.
    TooMany {
        /// Seconds to wait before a retry.
        retry_after_s: u32,
    },
}

impl Store {
    /// Redeems the coupon with one of these lookup hashes on behalf of this account, if one of these merchants offers
    /// its deal.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn redeem_coupon(
        &self,
        account: AccountId,
        merchants: &[MerchantId],
        till: &Till,
        lookups: &[[u8; 32]],
        key: Option<&str>,
    ) -> Result<RedeemAnswer, StoreError> {
        let lookups: Vec<Vec<u8>> = lookups.iter().map(|lookup| lookup.to_vec()).collect();
        let row = sqlx::query!(
            r#"SELECT outcome AS "outcome!", coupon, deal, title, redeemed_at, redeemed_where, retry_after_s
                 FROM redeem_coupon($1, $2, $3, $4, $5)"#,
            &lookups,
            account.as_uuid(),
            &uuids(merchants),
            till.as_str(),
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
                till: till_of(row.redeemed_where.as_deref()),
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

    /// The last redemptions of these merchants' coupons, latest first.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn last_redemptions(&self, merchants: &[MerchantId], most: u32) -> Result<Vec<Redemption>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT c.id, c.deal, d.title, c.redeemed_at AS "redeemed_at!", c.redeemed_where
                 FROM deals AS d JOIN coupons AS c ON c.deal = d.id AND c.redeemed_at IS NOT NULL
                WHERE d.merchant = ANY ($1) ORDER BY c.redeemed_at DESC LIMIT $2"#,
            &uuids(merchants),
            i64::from(most)
        )
        .fetch_all(&self.pool)
        .await?;
        let read = rows.into_iter().map(|r| Redemption {
            coupon: r.id.into(),
            deal: r.deal.into(),
            title: r.title,
            redeemed_at: r.redeemed_at,
            till: till_of(r.redeemed_where.as_deref()),
        });
        Ok(read.collect())
    }
}
