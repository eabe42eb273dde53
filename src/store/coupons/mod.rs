//! Issues, lists and redeems coupons. Postgres stores no codes, and this module receives none.

mod redeem;
mod settle;

use chrono::{DateTime, Utc};
use uuid::Uuid;

pub use redeem::{RedeemAnswer, Redemption};
pub use settle::{CouponToIssue, Settler, Settling, Unsettled};

use super::error::unreadable;
use super::{Cursor, Page, PageRequest, Store, StoreError};
use crate::domain::{AccountId, CouponForm, CouponId, CouponState, DealId, DealState, SignupId, Till};

/// The id of a configured coupon key.
pub type CodeKeyId = i16;

/// A coupon as stored: without its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCoupon {
    /// The code is derived from this id.
    pub id: CouponId,
    /// The id of the key with which the code is derived.
    pub key: CodeKeyId,
    /// The form of the code.
    pub form: CouponForm,
    /// The coupon's deal.
    pub deal: DealId,
    /// The deal's title.
    pub title: String,
    /// The coupon's signup.
    pub signup: SignupId,
    /// The ordinal within the signup: 1 to its units.
    pub ordinal: u32,
    /// The current state.
    pub state: CouponState,
    /// When the coupon was issued.
    pub issued_at: DateTime<Utc>,
    /// The time from which the coupon cannot be redeemed.
    pub expires_at: DateTime<Utc>,
    /// When the coupon was redeemed, if it was.
    pub redeemed_at: Option<DateTime<Utc>>,
    /// The till that redeemed the coupon, if the request named one.
    pub till: Option<Till>,
}

impl Store {
    /// This buyer's coupons, newest first.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn coupons_of_buyer(
        &self,
        buyer: AccountId,
        page: &PageRequest,
    ) -> Result<Page<StoredCoupon>, StoreError> {
        let (at, id) = page.after();
        let rows = sqlx::query_as!(
            CouponRow,
            r#"SELECT c.id, c.key_id, c.form, c.deal, d.title, c.signup, c.ordinal, d.state AS deal_state, c.issued_at,
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

    /// This buyer's coupon with this id.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn coupon(&self, buyer: AccountId, id: CouponId) -> Result<Option<StoredCoupon>, StoreError> {
        let row = sqlx::query_as!(
            CouponRow,
            r#"SELECT c.id, c.key_id, c.form, c.deal, d.title, c.signup, c.ordinal, d.state AS deal_state, c.issued_at,
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
}

struct CouponRow {
    id: Uuid,
    key_id: i16,
    form: i16,
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
            form: CouponForm::from_number(row.form).ok_or_else(|| unreadable("form"))?,
            deal: row.deal.into(),
            title: row.title,
            signup: row.signup.into(),
            ordinal: row.ordinal.cast_unsigned(),
            state: CouponState::derive(row.redeemed_at.is_some(), deal_state, row.coupon_expires_at, row.now),
            issued_at: row.issued_at,
            expires_at: row.coupon_expires_at,
            redeemed_at: row.redeemed_at,
            till: till_of(row.redeemed_where.as_deref()),
        })
    }
}

/// The till with this name. `None` for an empty name, which is stored if the request named no till.
fn till_of(redeemed_where: Option<&str>) -> Option<Till> {
    Till::parse(redeemed_where?).ok()
}
