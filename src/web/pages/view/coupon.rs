//! A coupon, to show or print, and the page behind its QR code.

use askama::Template;
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};

use crate::domain::{CouponCode, CouponState, Deal};
use crate::engine::ShownCoupon;
use crate::web::page::Layout;
use crate::web::page::time::Moment;

/// `GET /my/coupons/{coupon}`
#[derive(Template)]
#[template(path = "buyer/coupon.html")]
pub struct CouponPage {
    layout: Layout,
    title: String,
    merchant: String,
    worth: String,
    code: String,
    qr: String,
    state: &'static str,
    state_text: &'static str,
    tone: &'static str,
    sentence: Option<String>,
    expires: Moment,
    ordinal: String,
}

impl CouponPage {
    /// The page of this coupon. `origin` begins the link in its QR code.
    #[must_use]
    pub fn new(layout: Layout, coupon: &ShownCoupon, deal: &Deal, origin: &str) -> Self {
        let (state_text, tone) = state(coupon.state);
        Self {
            layout,
            title: deal.terms.title.clone(),
            merchant: deal.merchant_name.clone(),
            worth: format!("{} for {}", deal.terms.face_value.display(), deal.terms.price.display()),
            code: coupon.code.to_string(),
            qr: qr(origin, &coupon.code),
            state: coupon.state.as_str(),
            state_text,
            tone,
            sentence: sentence(coupon, deal),
            expires: Moment::new(coupon.expires_at, deal.terms.time_zone),
            ordinal: coupon.ordinal.to_string(),
        }
    }
}

/// `GET /c`
#[derive(Template)]
#[template(path = "buyer/scanned.html")]
pub struct ScannedPage {
    /// The page's layout.
    pub layout: Layout,
}

/// The label of a state, and its colour.
pub(super) const fn state(state: CouponState) -> (&'static str, &'static str) {
    match state {
        CouponState::Issued => ("Ready to use", "success"),
        CouponState::Redeemed => ("Used", "plain"),
        CouponState::Void => ("Void", "action"),
        CouponState::Expired => ("Expired", "tension"),
    }
}

fn sentence(coupon: &ShownCoupon, deal: &Deal) -> Option<String> {
    match coupon.state {
        CouponState::Issued => None,
        CouponState::Redeemed => {
            let at = coupon.redeemed_at.map(|at| Moment::new(at, deal.terms.time_zone).text).unwrap_or_default();
            let till = coupon.till.as_ref().map(|till| format!(", {}", till.as_str())).unwrap_or_default();
            Some(format!("Used {at}{till}"))
        }
        CouponState::Void => Some("The merchant took this deal down".to_owned()),
        CouponState::Expired => Some("Its time is over".to_owned()),
    }
}

/// The QR code of a coupon's link, as an SVG image. Empty only if the origin is longer than two thousand characters.
///
/// The code is in the fragment of the link, which browsers never send, so no server can log it.
#[must_use]
pub fn qr(origin: &str, code: &CouponCode) -> String {
    let link = format!("{origin}/c#{}", code.compact());
    let Ok(square) = QrCode::with_error_correction_level(link, EcLevel::M) else {
        return String::new();
    };
    let drawn = square.render::<svg::Color<'_>>().min_dimensions(264, 264).quiet_zone(true).build();
    // The XML declaration is for files; inside a page it is not allowed.
    drawn.split_once("?>").map_or(drawn.clone(), |(_, svg)| svg.to_owned())
}
