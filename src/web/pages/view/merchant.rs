//! The merchant's pages: dashboard, editor, console and till.

use askama::Template;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::card::Card;
use super::lists::{DealGroup, DealRow};
use super::price::{Earnings, Price};
use super::progress::{ProgressBlock, Size};
use super::{drawing, markdown};
use crate::domain::{Deal, DealState, Merchant, Signup, SignupState, Till};
use crate::engine::RedeemOutcome;
use crate::web::page::time::Moment;
use crate::web::page::{Form, Layout, Notice};
use crate::web::words::{TIME, UNITS, number};

/// The dashboard: `GET /merchant`.
#[derive(Template)]
#[template(path = "merchant/dashboard.html")]
pub struct DashboardPage {
    layout: Layout,
    groups: Vec<DealGroup>,
    next: Option<String>,
}

impl DashboardPage {
    /// The dashboard with these deals at the time `now`.
    #[must_use]
    pub fn new(layout: Layout, deals: &[Deal], next: Option<String>, now: DateTime<Utc>) -> Self {
        let kinds: [(&str, &str, &[DealState]); 4] = [
            ("drafts", "Drafts", &[DealState::Draft]),
            ("running", "Running", &[DealState::Open, DealState::Tipped]),
            ("happened", "Happened", &[DealState::Succeeded]),
            ("off", "Did not happen", &[DealState::Failed, DealState::Withdrawn]),
        ];
        let groups = kinds.into_iter().map(|(id, heading, states)| {
            let own = deals.iter().filter(|deal| states.contains(&deal.progress.state));
            DealGroup { id, heading, rows: own.map(|deal| deal_row(deal, now)).collect() }
        });
        Self { layout, groups: groups.filter(|group| !group.rows.is_empty()).collect(), next }
    }
}

fn deal_row(deal: &Deal, now: DateTime<Utc>) -> DealRow {
    DealRow {
        picture: drawing::picture_url(deal),
        href: format!("/merchant/deals/{}", deal.id),
        title: deal.terms.title.clone(),
        detail: format!(
            "{} instead of {} · {} sold",
            deal.terms.price.display(),
            deal.terms.face_value.display(),
            UNITS.say(deal.progress.units, &[])
        ),
        progress: (!deal.lifecycle.may_be_published()).then(|| ProgressBlock::new(deal, now, Size::Small)),
        coupons_href: None,
    }
}

/// A deal as buyers will see it, and the merchant's earnings.
#[derive(Clone, Debug)]
pub struct Preview {
    pub(super) card: Card,
    pub(super) earnings: Earnings,
    pub(super) description: String,
}

impl Preview {
    /// The preview of this deal, which does not have to be stored.
    #[must_use]
    pub fn new(deal: &Deal, now: DateTime<Utc>) -> Self {
        Self {
            card: Card::new(deal, now),
            earnings: Earnings::from(&deal.terms),
            description: markdown::to_html(&deal.terms.description),
        }
    }
}

/// The editor: `GET /merchant/deals/new` and `GET /merchant/deals/{deal}/edit`.
#[derive(Template)]
#[template(path = "merchant/editor.html")]
pub struct EditorPage {
    /// The page's layout.
    pub layout: Layout,
    /// The page's heading.
    pub heading: &'static str,
    /// The URL that the form is sent to.
    pub action: String,
    /// The URL of the "Back" link.
    pub back: String,
    /// The version of the deal that is being changed; empty for a new deal.
    pub version: String,
    /// Whether the deal is published, so that only its texts can change.
    pub published: bool,
    /// The editor's fields.
    pub form: Form,
    /// The preview; none until the form is valid.
    pub preview: Option<Preview>,
    /// The merchants to choose from; empty if there is no choice.
    pub merchants: Vec<Merchant>,
    /// The categories to suggest.
    pub categories: Vec<String>,
}

/// The currencies to suggest; others can be typed.
const CURRENCIES: [&str; 10] = ["USD", "EUR", "GBP", "IDR", "JPY", "INR", "AUD", "CAD", "CHF", "SGD"];

impl EditorPage {
    fn currencies() -> &'static [&'static str] {
        &CURRENCIES
    }

    fn time_zones() -> impl Iterator<Item = &'static str> {
        chrono_tz::TZ_VARIANTS
            .iter()
            .map(|zone| zone.name())
            .filter(|name| name.contains('/') && !name.starts_with("Etc/"))
    }
}

/// A signup in the console: by number, without the buyer's name.
#[derive(Clone, Debug)]
pub struct SignupRow {
    number: String,
    units: u32,
    joined_at: Moment,
    state: &'static str,
}

/// A deal's console: `GET /merchant/deals/{deal}`.
#[derive(Template)]
#[template(path = "merchant/console.html")]
pub struct ConsolePage {
    layout: Layout,
    notice: Option<Notice>,
    deal: String,
    title: String,
    draft: bool,
    may_withdraw: bool,
    edit_href: String,
    deal_href: String,
    publish_action: String,
    withdraw_action: String,
    withdraw_form: Form,
    withdrawn_reason: Option<String>,
    buyers: String,
    units: String,
    needed: String,
    left: String,
    signups: Vec<SignupRow>,
    next: Option<String>,
    price: Price,
    progress: ProgressBlock,
    preview: Preview,
    url: String,
}

/// The parts of a console page besides the deal.
#[derive(Debug, Default)]
pub struct ConsoleParts {
    /// A notice about what just happened.
    pub notice: Option<Notice>,
    /// The signups on this page.
    pub signups: Vec<Signup>,
    /// The URL of the next page of signups.
    pub next: Option<String>,
    /// The rejected withdrawal form; none shows an empty one.
    pub withdraw_form: Option<Form>,
}

impl ConsolePage {
    /// The console of this deal at the time `now`.
    #[must_use]
    pub fn new(layout: Layout, deal: &Deal, parts: ConsoleParts, origin: &str, now: DateTime<Utc>) -> Self {
        let zone = deal.terms.time_zone;
        let row = |signup: &Signup| SignupRow {
            number: number(signup.number),
            units: signup.units,
            joined_at: Moment::new(signup.joined_at, zone),
            state: match signup.state {
                SignupState::Active => "joined",
                SignupState::Left => "left",
            },
        };
        let progress = &deal.progress;
        let console = format!("/merchant/deals/{}", deal.id);
        let deal_href = format!("/deals/{}", deal.id);
        Self {
            layout,
            notice: parts.notice,
            deal: deal.id.to_string(),
            title: deal.terms.title.clone(),
            draft: deal.lifecycle.may_be_published(),
            may_withdraw: deal.lifecycle.may_be_withdrawn(),
            edit_href: format!("{console}/edit"),
            publish_action: format!("{console}/publish"),
            withdraw_action: format!("{console}/withdraw"),
            withdraw_form: parts.withdraw_form.unwrap_or_else(|| withdraw_form("")),
            withdrawn_reason: deal.lifecycle.withdrawn_reason().map(str::to_owned),
            buyers: number(progress.buyers),
            units: number(progress.units),
            needed: number(progress.needed()),
            left: progress.left().map_or("no limit".to_owned(), number),
            signups: parts.signups.iter().map(row).collect(),
            next: parts.next,
            price: Price::new(&deal.terms, true),
            progress: ProgressBlock::new(deal, now, Size::Full),
            preview: Preview::new(deal, now),
            url: format!("{origin}{deal_href}"),
            deal_href,
        }
    }
}

/// The withdrawal form with the submitted reason.
#[must_use]
pub fn withdraw_form(reason: &str) -> Form {
    Form::new([("reason", "Reason", reason)])
}

/// A recently redeemed coupon.
#[derive(Clone, Debug)]
pub struct Redeemed {
    title: String,
    detail: String,
}

impl Redeemed {
    /// A coupon of the deal with this title, redeemed at this till.
    #[must_use]
    pub fn new(title: String, at: DateTime<Utc>, zone: Tz, till: Option<&Till>) -> Self {
        Self { title, detail: time_and_till(at, zone, till) }
    }
}

fn time_and_till(at: DateTime<Utc>, zone: Tz, till: Option<&Till>) -> String {
    let at = Moment::new(at, zone).text;
    till.map_or_else(|| at.clone(), |till| format!("{at} · {}", till.as_str()))
}

/// The till: `GET /merchant/redeem`.
#[derive(Template)]
#[template(path = "merchant/redeem.html")]
pub struct RedeemPage {
    /// The page's layout.
    pub layout: Layout,
    /// The result of the submitted code.
    pub result: Option<Notice>,
    /// The form for the code and the till's name.
    pub form: Form,
    /// The idempotency key of the next submission.
    pub key: String,
    /// The most recently redeemed coupons.
    pub last: Vec<Redeemed>,
}

/// The redemption form with the submitted values.
#[must_use]
pub fn redeem_form(code: &str, till: &str) -> Form {
    Form::new([("code", "Coupon code", code), ("till", "Where (optional)", till)])
}

/// The notice for the outcome of a redemption, with times in the deal's zone.
#[must_use]
pub fn redeemed(outcome: &RedeemOutcome, zone: Tz) -> Notice {
    match outcome {
        RedeemOutcome::Redeemed { redemption, .. } => {
            Notice::success("Redeemed", format!("{}. It is used now.", redemption.title))
        }
        RedeemOutcome::AlreadyRedeemed(before) => Notice::problem(
            "Already used",
            format!("{}: {}.", before.title, time_and_till(before.redeemed_at, zone, before.till.as_ref())),
        ),
        RedeemOutcome::Expired => Notice::problem("Expired", "The time of this coupon is over."),
        RedeemOutcome::Void => Notice::problem("Void", "The deal of this coupon was taken down."),
        RedeemOutcome::UnknownCode => {
            Notice::problem("No such coupon", "None of your deals has a coupon with this code. Read it again.")
        }
        RedeemOutcome::TooMany { retry_after_s } => Notice::tension(
            "Too many wrong codes",
            format!("Wait {}, then type carefully.", TIME.seconds.say(*retry_after_s, &[])),
        ),
    }
}
