//! The states of a coupon.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::progress::DealState;

/// The state of a coupon at one moment. Postgres stores `issued` and `redeemed`. `void` and `expired` follow from the
/// deal's state and the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CouponState {
    /// The coupon can be redeemed.
    Issued,
    /// The coupon was redeemed.
    Redeemed,
    /// The coupon's deal was withdrawn.
    Void,
    /// The coupon was not redeemed in time.
    Expired,
}

impl CouponState {
    /// Derives the state from the stored redemption, the deal's state and the time.
    #[must_use]
    pub fn derive(redeemed: bool, deal: DealState, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        match (redeemed, deal) {
            (true, _) => Self::Redeemed,
            (false, DealState::Withdrawn) => Self::Void,
            (false, _) if expires_at <= now => Self::Expired,
            (false, _) => Self::Issued,
        }
    }

    /// The word for this state in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Redeemed => "redeemed",
            Self::Void => "void",
            Self::Expired => "expired",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unredeemed_coupon_becomes_void_by_withdrawal_and_expires() {
        let now: DateTime<Utc> = "2026-11-22T08:00:00Z".parse().unwrap();
        let later = now + chrono::TimeDelta::days(1);
        assert_eq!(CouponState::derive(false, DealState::Tipped, later, now), CouponState::Issued);
        assert_eq!(CouponState::derive(false, DealState::Succeeded, now, now), CouponState::Expired);
        assert_eq!(CouponState::derive(false, DealState::Withdrawn, later, now), CouponState::Void);
        assert_eq!(CouponState::derive(true, DealState::Withdrawn, now, now), CouponState::Redeemed);
    }
}
