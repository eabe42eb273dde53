//! Lists: a buyer's deals and coupons, and the rows that the merchant's dashboard shares.

use askama::Template;
use chrono::{DateTime, Utc};

use super::progress::{ProgressBlock, Size};
use super::{coupon, drawing};
use crate::domain::{Deal, DealState, Signup, SignupState};
use crate::engine::ShownCoupon;
use crate::web::page::Layout;
use crate::web::page::time::Moment;
use crate::web::words::{UNITS, number};

/// Deals under one heading.
#[derive(Clone, Debug)]
pub struct DealGroup {
    pub(super) id: &'static str,
    pub(super) heading: &'static str,
    pub(super) rows: Vec<DealRow>,
}

/// A deal in a list.
#[derive(Clone, Debug)]
pub struct DealRow {
    pub(super) picture: String,
    pub(super) href: String,
    pub(super) title: String,
    pub(super) detail: String,
    pub(super) progress: Option<ProgressBlock>,
    pub(super) coupons_href: Option<&'static str>,
}

/// A buyer's deals: `GET /my/deals`.
#[derive(Template)]
#[template(path = "buyer/my_deals.html")]
pub struct MyDealsPage {
    layout: Layout,
    groups: Vec<DealGroup>,
    next: Option<String>,
}

impl MyDealsPage {
    /// The page with these signups and their deals at the time `now`.
    #[must_use]
    pub fn new(layout: Layout, signups: &[(Signup, Deal)], next: Option<String>, now: DateTime<Utc>) -> Self {
        let kinds: [(&str, &str, BelongsTo); 4] = [
            ("waiting", "Waiting for more buyers", |own, deal| own == SignupState::Active && !ended(deal) && !on(deal)),
            ("on", "On", |own, deal| own == SignupState::Active && on(deal)),
            ("off", "Did not happen", |own, deal| own == SignupState::Active && ended(deal) && !on(deal)),
            ("left", "Left", |own, _| own == SignupState::Left),
        ];
        let groups = kinds.into_iter().map(|(id, heading, belongs)| {
            let rows = signups
                .iter()
                .filter(|(signup, deal)| belongs(signup.state, deal.progress.state))
                .map(|(signup, deal)| deal_row(signup, deal, now))
                .collect();
            DealGroup { id, heading, rows }
        });
        Self { layout, groups: groups.filter(|group| !group.rows.is_empty()).collect(), next }
    }
}

type BelongsTo = fn(SignupState, DealState) -> bool;

fn on(state: DealState) -> bool {
    state.issues_coupons()
}

fn ended(state: DealState) -> bool {
    state.is_final()
}

fn deal_row(signup: &Signup, deal: &Deal, now: DateTime<Utc>) -> DealRow {
    let active = signup.state == SignupState::Active;
    DealRow {
        picture: drawing::picture_url(deal),
        href: format!("/signups/{}", signup.id),
        title: deal.terms.title.clone(),
        detail: format!("{} · buyer {} · {}", deal.merchant_name, number(signup.number), UNITS.say(signup.units, &[])),
        progress: active.then(|| ProgressBlock::new(deal, now, Size::Small)),
        coupons_href: (active && on(deal.progress.state)).then_some("/my/coupons"),
    }
}

/// A coupon in a list.
#[derive(Clone, Debug)]
pub struct CouponRow {
    picture: String,
    href: String,
    title: String,
    merchant: String,
    detail: String,
    state: &'static str,
    tone: &'static str,
}

/// A buyer's coupons: `GET /my/coupons`.
#[derive(Template)]
#[template(path = "buyer/my_coupons.html")]
pub struct MyCouponsPage {
    layout: Layout,
    coupons: Vec<CouponRow>,
    next: Option<String>,
}

impl MyCouponsPage {
    /// The page with these coupons and their deals.
    #[must_use]
    pub fn new(layout: Layout, coupons: &[(Deal, ShownCoupon)], next: Option<String>) -> Self {
        let rows = coupons.iter().map(|(deal, shown)| {
            let (state, tone) = coupon::state(shown.state);
            CouponRow {
                picture: drawing::picture_url(deal),
                href: format!("/my/coupons/{}", shown.id),
                title: deal.terms.title.clone(),
                merchant: deal.merchant_name.clone(),
                detail: format!("good until {}", Moment::day(shown.expires_at, deal.terms.time_zone).text),
                state,
                tone,
            }
        });
        Self { layout, coupons: rows.collect(), next }
    }
}
