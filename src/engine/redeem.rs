//! Shows coupons to their buyers, and redeems coupons.

use chrono::{DateTime, Utc};

use super::{Engine, run_to_completion};
use crate::domain::{AccountId, CouponCode, CouponId, CouponState, DealId, IdempotencyKey, MerchantId, SignupId, Till};
use crate::store::{Page, PageRequest, RedeemAnswer, StoreError, StoredCoupon};

/// The outcome of redeeming a code.
pub type RedeemOutcome = RedeemAnswer;

/// A coupon as its buyer sees it: with its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coupon {
    pub id: CouponId,
    pub deal: DealId,
    /// The deal's title.
    pub title: String,
    pub signup: SignupId,
    /// The ordinal within the signup: 1 to its units.
    pub ordinal: u32,
    pub code: CouponCode,
    /// The current state.
    pub state: CouponState,
    pub issued_at: DateTime<Utc>,
    /// The time from which the coupon cannot be redeemed.
    pub expires_at: DateTime<Utc>,
    pub redeemed_at: Option<DateTime<Utc>>,
    /// The till that redeemed the coupon, if the request named one.
    pub till: Option<Till>,
}

impl Engine {
    /// This buyer's coupons, newest first. Coupons whose key is not configured are logged and left out.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn coupons(&self, buyer: AccountId, page: &PageRequest) -> Result<Page<Coupon>, StoreError> {
        let stored = self.store.coupons_of_buyer(buyer, page).await?;
        let items = stored.items.into_iter().filter_map(|coupon| self.shown(coupon)).collect();
        Ok(Page { items, next_cursor: stored.next_cursor })
    }

    /// This buyer's coupon with this id.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn coupon(&self, buyer: AccountId, id: CouponId) -> Result<Option<Coupon>, StoreError> {
        Ok(self.store.coupon(buyer, id).await?.and_then(|coupon| self.shown(coupon)))
    }

    /// Redeems a coupon of one of these merchants, on behalf of this account. The answer to a later attempt names the
    /// till.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn redeem(
        &self,
        account: AccountId,
        merchants: &[MerchantId],
        till: &Till,
        code: &CouponCode,
        key: Option<&IdempotencyKey>,
    ) -> Result<RedeemOutcome, StoreError> {
        let (store, till, lookups) = (self.store.clone(), till.clone(), self.codes.lookups(code));
        let merchants = merchants.to_vec();
        let key = key.map(|key| key.as_str().to_owned());
        let outcome = run_to_completion(async move {
            store.redeem_coupon(account, &merchants, &till, &lookups, key.as_deref()).await
        })
        .await?;
        match &outcome {
            RedeemOutcome::UnknownCode => metrics::counter!("muster_wrong_codes_total").increment(1),
            RedeemOutcome::TooMany { .. } => {
                tracing::warn!(%account, "an account has entered too many wrong coupon codes");
            }
            _ => {}
        }
        Ok(outcome)
    }

    fn shown(&self, stored: StoredCoupon) -> Option<Coupon> {
        let code = self
            .codes
            .code(stored.key, stored.form, stored.id)
            .inspect_err(|error| tracing::error!(%error, coupon = %stored.id, "cannot show a coupon"))
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
            till: stored.till,
        })
    }
}
