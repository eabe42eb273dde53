//! Lists of one's own things: a buyer's deals and coupons, a merchant's deals.

use askama::Template;
use chrono::{DateTime, Utc};

use super::progress::{ProgressBlock, Size};
use super::when::Moment;
use super::{Shell, coupon, drawing};
use crate::domain::{Deal, DealState, Signup, SignupState};
use crate::engine::ShownCoupon;
use crate::web::words::{UNITS, number};

/// Things of one kind.
#[derive(Clone, Debug)]
pub struct Group {
    pub(super) id: &'static str,
    pub(super) heading: &'static str,
    pub(super) lines: Vec<Line>,
}

/// One deal.
#[derive(Clone, Debug)]
pub struct Line {
    pub(super) picture: String,
    pub(super) href: String,
    pub(super) title: String,
    pub(super) detail: String,
    pub(super) progress: Option<ProgressBlock>,
    pub(super) coupons_href: Option<&'static str>,
}

/// `GET /my/deals`
#[derive(Template)]
#[template(path = "buyer/my_deals.html")]
pub struct MyDealsPage {
    shell: Shell,
    groups: Vec<Group>,
    next: Option<String>,
}

impl MyDealsPage {
    /// The page of these signups at this moment.
    #[must_use]
    pub fn new(shell: Shell, signups: &[(Signup, Deal)], next: Option<String>, now: DateTime<Utc>) -> Self {
        let kinds: [(&str, &str, Belongs); 4] = [
            ("waiting", "Waiting for more buyers", |own, deal| own == SignupState::Active && !ended(deal) && !on(deal)),
            ("on", "On", |own, deal| own == SignupState::Active && on(deal)),
            ("off", "Did not happen", |own, deal| own == SignupState::Active && ended(deal) && !on(deal)),
            ("left", "Left", |own, _| own == SignupState::Left),
        ];
        let groups = kinds.into_iter().map(|(id, heading, belongs)| {
            let lines = signups
                .iter()
                .filter(|(signup, deal)| belongs(signup.state, deal.progress.state))
                .map(|(signup, deal)| joined(signup, deal, now))
                .collect();
            Group { id, heading, lines }
        });
        Self { shell, groups: groups.filter(|group| !group.lines.is_empty()).collect(), next }
    }
}

type Belongs = fn(SignupState, DealState) -> bool;

fn on(state: DealState) -> bool {
    matches!(state, DealState::Tipped | DealState::Succeeded)
}

fn ended(state: DealState) -> bool {
    state.is_final()
}

fn joined(signup: &Signup, deal: &Deal, now: DateTime<Utc>) -> Line {
    let active = signup.state == SignupState::Active;
    Line {
        picture: drawing::address(deal),
        href: format!("/signups/{}", signup.id),
        title: deal.terms.title.clone(),
        detail: format!("{} · buyer {} · {}", deal.merchant_name, number(signup.number), UNITS.say(signup.units, &[])),
        progress: active.then(|| ProgressBlock::new(deal, now, Size::Small)),
        coupons_href: (active && on(deal.progress.state)).then_some("/my/coupons"),
    }
}

/// One coupon of many.
#[derive(Clone, Debug)]
pub struct CouponLine {
    picture: String,
    href: String,
    title: String,
    merchant: String,
    detail: String,
    state: &'static str,
    tone: &'static str,
}

/// `GET /my/coupons`
#[derive(Template)]
#[template(path = "buyer/my_coupons.html")]
pub struct MyCouponsPage {
    shell: Shell,
    lines: Vec<CouponLine>,
    next: Option<String>,
}

impl MyCouponsPage {
    /// The page of these coupons.
    #[must_use]
    pub fn new(shell: Shell, coupons: &[(Deal, ShownCoupon)], next: Option<String>) -> Self {
        let lines = coupons.iter().map(|(deal, one)| {
            let (state, tone) = coupon::state(one.state);
            CouponLine {
                picture: drawing::address(deal),
                href: format!("/my/coupons/{}", one.id),
                title: deal.terms.title.clone(),
                merchant: deal.merchant_name.clone(),
                detail: format!("good until {}", Moment::day(one.expires_at, deal.terms.time_zone).text),
                state,
                tone,
            }
        });
        Self { shell, lines: lines.collect(), next }
    }
}
