//! The merchant's side: the stall, the editor, a deal's console, redeeming.

use askama::Template;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::card::Card;
use super::mine::{Group, Line};
use super::price::{Earnings, Price};
use super::progress::{ProgressBlock, Size};
use super::when::Moment;
use super::{Form, Said, Shell, drawing, markdown};
use crate::domain::{Deal, DealState, Signup, SignupState};
use crate::engine::RedeemOutcome;
use crate::web::words::{TIME, UNITS, number};

/// `GET /merchant`
#[derive(Template)]
#[template(path = "merchant/dashboard.html")]
pub struct DashboardPage {
    shell: Shell,
    groups: Vec<Group>,
    next: Option<String>,
}

impl DashboardPage {
    /// The page of these deals at this moment.
    #[must_use]
    pub fn new(shell: Shell, deals: &[Deal], next: Option<String>, now: DateTime<Utc>) -> Self {
        let kinds: [(&str, &str, &[DealState]); 4] = [
            ("drafts", "Drafts", &[DealState::Draft]),
            ("running", "Running", &[DealState::Open, DealState::Tipped]),
            ("happened", "Happened", &[DealState::Succeeded]),
            ("off", "Did not happen", &[DealState::Failed, DealState::Withdrawn]),
        ];
        let groups = kinds.into_iter().map(|(id, heading, states)| {
            let own = deals.iter().filter(|deal| states.contains(&deal.progress.state));
            Group { id, heading, lines: own.map(|deal| offered(deal, now)).collect() }
        });
        Self { shell, groups: groups.filter(|group| !group.lines.is_empty()).collect(), next }
    }
}

fn offered(deal: &Deal, now: DateTime<Utc>) -> Line {
    let draft = deal.progress.state == DealState::Draft;
    Line {
        picture: drawing::address(deal),
        href: format!("/merchant/deals/{}", deal.id),
        title: deal.terms.title.clone(),
        detail: format!(
            "{} instead of {} · {} sold",
            deal.terms.price.display(),
            deal.terms.face_value.display(),
            UNITS.say(deal.progress.units, &[])
        ),
        progress: (!draft).then(|| ProgressBlock::new(deal, now, Size::Small)),
        coupons_href: None,
    }
}

/// A deal as buyers will see it, and what it brings.
#[derive(Clone, Debug)]
pub struct Preview {
    pub(super) card: Card,
    pub(super) earnings: Earnings,
    pub(super) description: String,
}

impl Preview {
    /// The preview of this deal, which need not be stored.
    #[must_use]
    pub fn new(deal: &Deal, now: DateTime<Utc>) -> Self {
        Self {
            card: Card::new(deal, now),
            earnings: Earnings::from(&deal.terms),
            description: markdown::to_html(&deal.terms.description),
        }
    }
}

/// `GET /merchant/deals/new` and `GET /merchant/deals/{deal}/edit`
#[derive(Template)]
#[template(path = "merchant/editor.html")]
pub struct EditorPage {
    /// Its surroundings.
    pub shell: Shell,
    /// What it is about.
    pub heading: &'static str,
    /// Where the form goes.
    pub action: String,
    /// Where "Back" goes.
    pub back: String,
    /// The version that is being changed; empty for a new deal.
    pub version: String,
    /// Published deals change their texts only.
    pub published: bool,
    /// What was typed.
    pub form: Form,
    /// How it will look, if it can be shown yet.
    pub preview: Option<Preview>,
    /// Categories to choose from.
    pub categories: Vec<String>,
}

/// Currencies that are offered; every other one can be typed.
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

/// One signup, to its deal's merchant: by number, without the buyer's name.
#[derive(Clone, Debug)]
pub struct Joiner {
    number: String,
    units: u32,
    joined_at: Moment,
    state: &'static str,
}

/// `GET /merchant/deals/{deal}`
#[derive(Template)]
#[template(path = "merchant/console.html")]
pub struct ConsolePage {
    shell: Shell,
    notice: Option<Said>,
    deal: String,
    title: String,
    draft: bool,
    may_withdraw: bool,
    edit_href: String,
    deal_href: String,
    publish_action: String,
    withdraw_action: String,
    withdrawing: Form,
    withdrawn_reason: Option<String>,
    buyers: String,
    units: String,
    needed: String,
    left: String,
    signups: Vec<Joiner>,
    next: Option<String>,
    price: Price,
    progress: ProgressBlock,
    preview: Preview,
    url: String,
}

/// What a console page is made of, beside its deal.
#[derive(Debug, Default)]
pub struct ConsoleParts {
    /// What just happened.
    pub notice: Option<Said>,
    /// Who joined.
    pub signups: Vec<Signup>,
    /// Where the rest of them is.
    pub next: Option<String>,
    /// The form that takes the deal down.
    pub withdrawing: Option<Form>,
}

impl ConsolePage {
    /// The console of this deal at this moment.
    #[must_use]
    pub fn new(shell: Shell, deal: &Deal, parts: ConsoleParts, origin: &str, now: DateTime<Utc>) -> Self {
        let zone = deal.terms.time_zone;
        let joiner = |signup: &Signup| Joiner {
            number: number(signup.number),
            units: signup.units,
            joined_at: Moment::new(signup.joined_at, zone),
            state: match signup.state {
                SignupState::Active => "joined",
                SignupState::Left => "left",
            },
        };
        let progress = &deal.progress;
        let here = format!("/merchant/deals/{}", deal.id);
        let deal_href = format!("/deals/{}", deal.id);
        Self {
            shell,
            notice: parts.notice,
            deal: deal.id.to_string(),
            title: deal.terms.title.clone(),
            draft: progress.state == DealState::Draft,
            may_withdraw: !progress.state.is_final(),
            edit_href: format!("{here}/edit"),
            publish_action: format!("{here}/publish"),
            withdraw_action: format!("{here}/withdraw"),
            withdrawing: parts.withdrawing.unwrap_or_else(|| withdraw_form("")),
            withdrawn_reason: deal.withdrawn_reason.clone(),
            buyers: number(progress.buyers),
            units: number(progress.units),
            needed: number(progress.needed()),
            left: progress.left().map_or("no limit".to_owned(), number),
            signups: parts.signups.iter().map(joiner).collect(),
            next: parts.next,
            price: Price::new(&deal.terms, true),
            progress: ProgressBlock::new(deal, now, Size::Full),
            preview: Preview::new(deal, now),
            url: format!("{origin}{deal_href}"),
            deal_href,
        }
    }
}

/// The field of taking a deal down.
#[must_use]
pub fn withdraw_form(reason: &str) -> Form {
    Form::new([("reason", "Reason", reason)])
}

/// A coupon that was redeemed lately.
#[derive(Clone, Debug)]
pub struct Redeemed {
    title: String,
    detail: String,
}

impl Redeemed {
    /// A coupon of the deal with this title.
    #[must_use]
    pub fn new(title: String, at: DateTime<Utc>, zone: Tz, place: &str) -> Self {
        Self { title, detail: when_and_where(at, zone, place) }
    }
}

fn when_and_where(at: DateTime<Utc>, zone: Tz, place: &str) -> String {
    let at = Moment::new(at, zone).text;
    if place.is_empty() { at } else { format!("{at} · {place}") }
}

/// `GET /merchant/redeem`
#[derive(Template)]
#[template(path = "merchant/redeem.html")]
pub struct RedeemPage {
    /// Its surroundings.
    pub shell: Shell,
    /// What the last code came to.
    pub result: Option<Said>,
    /// The code and the place.
    pub form: Form,
    /// The key of the next try.
    pub key: String,
    /// The last ten.
    pub last: Vec<Redeemed>,
}

/// The fields of redeeming.
#[must_use]
pub fn redeem_form(code: &str, place: &str) -> Form {
    Form::new([("code", "Coupon code", code), ("place", "Where (optional)", place)])
}

/// What redeeming a code came to; times stand in the deal's zone.
#[must_use]
pub fn redeemed(outcome: &RedeemOutcome, zone: Tz) -> Said {
    match outcome {
        RedeemOutcome::Redeemed { redemption, .. } => {
            Said::success("Redeemed", format!("{}. It is used now.", redemption.title))
        }
        RedeemOutcome::AlreadyRedeemed(before) => Said::problem(
            "Already used",
            format!("{}: {}.", before.title, when_and_where(before.redeemed_at, zone, &before.redeemed_where)),
        ),
        RedeemOutcome::Expired => Said::problem("Expired", "The time of this coupon is over."),
        RedeemOutcome::Void => Said::problem("Void", "The deal of this coupon was taken down."),
        RedeemOutcome::UnknownCode => {
            Said::problem("No such coupon", "None of your deals has a coupon with this code. Read it again.")
        }
        RedeemOutcome::TooMany { retry_after_s } => Said::tension(
            "Too many wrong codes",
            format!("Wait {}, then type carefully.", TIME.seconds.say(*retry_after_s, &[])),
        ),
    }
}
