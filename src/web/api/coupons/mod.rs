//! Coupons: what buyers show at the merchant's.

pub mod list;
pub mod qr;
pub mod show;

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{CouponId, CouponState, DealId, SignupId};
use crate::engine::ShownCoupon;

/// One of your coupons.
#[derive(Serialize, ToSchema)]
#[schema(as = Coupon, example = json!({
    "id": "5d1e2a0b-8f3d-8a4b-9c5d-6e7f8a9b0c1d", "deal": "0197f3b0-5c1e-7c3a-9d2b-1f0a6e4c8b5d",
    "title": "Pottery for beginners", "signup": "0b6c1e2a-8f3d-8a4b-9c5d-6e7f8a9b0c1d", "ordinal": 1,
    "code": "7K3M-9Q2X-B5VT-0HJC-4", "state": "issued", "issued_at": "2026-12-01T12:00:01Z",
    "expires_at": "2027-03-01T12:00:00Z", "redeemed_at": null, "redeemed_where": null,
    "qr": "/api/v1/coupons/5d1e2a0b-8f3d-8a4b-9c5d-6e7f8a9b0c1d/qr.svg",
}))]
pub struct CouponView {
    #[schema(value_type = uuid::Uuid)]
    id: CouponId,
    #[schema(value_type = uuid::Uuid)]
    deal: DealId,
    /// The deal's title.
    title: String,
    #[schema(value_type = uuid::Uuid)]
    signup: SignupId,
    /// The coupon's position within its signup, from 1 to the number of units.
    ordinal: u32,
    /// The code to show at the till.
    code: String,
    state: CouponState,
    issued_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    redeemed_at: Option<DateTime<Utc>>,
    /// The name of the till.
    redeemed_where: Option<String>,
    /// The path of its QR code, an SVG image.
    qr: String,
}

impl From<ShownCoupon> for CouponView {
    fn from(coupon: ShownCoupon) -> Self {
        Self {
            id: coupon.id,
            deal: coupon.deal,
            title: coupon.title,
            signup: coupon.signup,
            ordinal: coupon.ordinal,
            code: coupon.code.to_string(),
            state: coupon.state,
            issued_at: coupon.issued_at,
            expires_at: coupon.expires_at,
            redeemed_at: coupon.redeemed_at,
            redeemed_where: coupon.till.map(|till| till.as_str().to_owned()),
            qr: format!("/api/v1/coupons/{}/qr.svg", coupon.id),
        }
    }
}
