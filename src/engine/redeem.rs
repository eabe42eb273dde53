//! Showing coupons to their buyers, and using them at the merchant's.

use chrono::{DateTime, Utc};

use super::{Engine, to_the_end};
use crate::domain::{AccountId, CouponCode, CouponId, CouponState, DealId, IdempotencyKey, SignupId};
use crate::store::{Page, PageRequest, RedeemAnswer, StoreError, StoredCoupon};

/// What redeeming came to.
pub type RedeemOutcome = RedeemAnswer;

/// A coupon as its buyer sees it: with its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coupon {
    /// Its id.
    pub id: CouponId,
    /// Its deal.
    pub deal: DealId,
    /// Its deal's title.
    pub title: String,
    /// Its signup.
    pub signup: SignupId,
    /// 1 to the signup's units.
    pub ordinal: u32,
    /// What the buyer shows.
    pub code: CouponCode,
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

impl Engine {
    /// This buyer's coupons, the last first. A coupon whose key was removed from the configuration is left out, and logged.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn coupons(&self, buyer: AccountId, page: &PageRequest) -> Result<Page<Coupon>, StoreError> {
        let stored = self.store.coupons_of_buyer(buyer, page).await?;
        let items = stored.items.into_iter().filter_map(|coupon| self.shown(coupon)).collect();
        Ok(Page { items, next_cursor: stored.next_cursor })
    }

    /// This buyer's coupon of this id.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn coupon(&self, buyer: AccountId, id: CouponId) -> Result<Option<Coupon>, StoreError> {
        Ok(self.store.coupon(buyer, id).await?.and_then(|coupon| self.shown(coupon)))
    }

    /// Redeems a coupon of one of this merchant's deals. `till` is the name of the place, for whoever tries it again.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn redeem(
        &self,
        merchant: AccountId,
        till: &str,
        code: &CouponCode,
        key: Option<&IdempotencyKey>,
    ) -> Result<RedeemOutcome, StoreError> {
        let (store, till, lookup) = (self.store.clone(), till.to_owned(), self.codes.lookup(code));
        let key = key.map(|key| key.as_str().to_owned());
        let outcome =
            to_the_end(async move { store.redeem_coupon(merchant, &till, &lookup, key.as_deref()).await }).await?;
        match &outcome {
            RedeemOutcome::UnknownCode => metrics::counter!("muster_wrong_codes_total").increment(1),
            RedeemOutcome::TooMany { .. } => tracing::warn!(%merchant, "a merchant tries many wrong coupon codes"),
            _ => {}
        }
        Ok(outcome)
    }

    fn shown(&self, stored: StoredCoupon) -> Option<Coupon> {
        let code = self
            .codes
            .code(stored.key, stored.id)
            .inspect_err(|error| tracing::error!(%error, coupon = %stored.id, "a coupon cannot be shown"))
            .ok()?;
        Some(Coupon {
            id: stored.id,
            deal: stored.deal,
            title: stored.title,
            signup: stored.signup,
            ordinal: stored.ordinal,
            code,
            state: stored.state,
            issued_at: stored.issued_at,
            expires_at: stored.expires_at,
            redeemed_at: stored.redeemed_at,
            redeemed_where: stored.redeemed_where,
        })
    }
}
