//! The part of a deal's page that is about joining it.

use super::Said;
use super::phase::Phase;
use crate::domain::{Deal, Refusal, Role, Signup, SignupState, Units};
use crate::web::words::{TIME, UNITS, number};

/// What a visitor can do.
#[derive(Clone, Debug)]
pub enum Way {
    /// Join. Present but hidden while that may become possible.
    Form(JoinForm),
    /// Sign in first: the address.
    SignIn(String),
    /// Nothing more: they have as many units as one buyer may.
    AtLimit(String),
    /// Nothing: merchants do not join.
    NotForYou(String),
    /// Nothing any more.
    Over,
}

/// The join form.
#[derive(Clone, Debug)]
pub struct JoinForm {
    pub(super) action: String,
    pub(super) key: String,
    pub(super) most: u32,
    pub(super) units: u32,
    pub(super) open: bool,
}

/// One signup of this visitor in this deal.
#[derive(Clone, Debug)]
pub struct Place {
    pub(super) title: String,
    pub(super) units: String,
    pub(super) href: String,
}

impl From<&Signup> for Place {
    fn from(signup: &Signup) -> Self {
        Self {
            title: format!("You joined: you are buyer {}", number(signup.number)),
            units: UNITS.say(signup.units, &[]),
            href: format!("/signups/{}", signup.id),
        }
    }
}

/// The section about joining.
#[derive(Clone, Debug)]
pub struct JoinSection {
    /// Why the last try did not work.
    pub refusal: Option<Said>,
    pub(super) places: Vec<Place>,
    pub(super) way: Way,
    pub(super) over: &'static str,
    pub(super) note: &'static str,
}

/// What was sent with the try that this page answers.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The key to try again with.
    pub key: String,
    /// How many units were asked for.
    pub units: u32,
}

impl JoinSection {
    /// The section for this visitor, who holds these signups. `tried` keeps what a refused try had typed; without it the form
    /// gets `fresh_key`.
    #[must_use]
    pub fn new(
        deal: &Deal,
        phase: Phase,
        visitor: Option<Role>,
        own: &[Signup],
        tried: Option<Tried>,
        fresh_key: String,
    ) -> Self {
        let own: Vec<&Signup> = own.iter().filter(|signup| signup.state == SignupState::Active).collect();
        let held: u32 = own.iter().map(|signup| signup.units).sum();
        let most = deal.terms.per_buyer_max.saturating_sub(held).min(deal.progress.left().unwrap_or(u32::MAX));
        let way = match visitor {
            _ if !phase.may_take_joins() => Way::Over,
            None if phase.takes_joins() => Way::SignIn(sign_in_first(deal)),
            None => Way::Over,
            Some(role) if role != Role::Buyer => {
                Way::NotForYou("You are signed in as a merchant. Buyers join deals.".to_owned())
            }
            Some(_) if held >= deal.terms.per_buyer_max => {
                let limit = UNITS.say(deal.terms.per_buyer_max, &[]);
                Way::AtLimit(format!("That is as many as one buyer may have: {limit}."))
            }
            Some(_) => {
                let Tried { key, units } = tried.unwrap_or(Tried { key: fresh_key, units: 1 });
                let most = most.max(1);
                let action = format!("/deals/{}/join", deal.id);
                Way::Form(JoinForm { action, key, most, units: units.clamp(1, most), open: phase.takes_joins() })
            }
        };
        let places = own.into_iter().map(Place::from).collect();
        Self { refusal: None, places, way, over: phase.words().join, note: phase.words().note }
    }

    /// The same, saying why a try did not work.
    #[must_use]
    pub fn saying(self, refusal: Said) -> Self {
        Self { refusal: Some(refusal), ..self }
    }

    /// Whether the next step is to join, so that it stays in sight on a phone.
    pub(super) fn is_ready(&self) -> bool {
        match &self.way {
            Way::Form(form) => form.open && self.places.is_empty(),
            Way::SignIn(_) => true,
            Way::AtLimit(_) | Way::NotForYou(_) | Way::Over => false,
        }
    }
}

fn sign_in_first(deal: &Deal) -> String {
    format!("/sign-in?next=/deals/{}", deal.id)
}

/// What a refusal means and what to do about it.
#[must_use]
pub fn refused(refusal: Refusal) -> Said {
    match refusal {
        Refusal::SoldOut => Said::problem("Sold out meanwhile", "Somebody took the last coupon a moment before you."),
        Refusal::NotEnoughLeft { available: 0 } => Said::problem(
            "None can be taken right now",
            "The last ones are kept for the buyers that the deal still needs.",
        ),
        Refusal::NotEnoughLeft { available } => {
            Said::tension(format!("Only {} can be had now", UNITS.say(available, &[])), "Choose fewer, and join again.")
        }
        Refusal::PlacesHeld => Said::tension(
            "Every free place is being taken right now",
            "If one of them comes back it is yours: try again in a few seconds.",
        ),
        Refusal::BuyerLimit { max } => Said::problem(
            "That is more than one buyer may have",
            format!("One buyer may have {} of this deal.", UNITS.say(max, &[])),
        ),
        Refusal::NotOpen => Said::tension("Not open yet", "You can join when the deal opens."),
        Refusal::Closed => Said::problem("This deal is over", "It takes no more buyers."),
        Refusal::KeyReused => Said::problem(
            "This form was sent before with another number",
            "Look below whether you have joined; if not, join again.",
        ),
    }
}

/// What a busy server asks of people.
#[must_use]
pub fn busy(retry_after_s: u32) -> Said {
    let wait = TIME.seconds.say(retry_after_s, &[]);
    Said::tension(
        "Very many people are joining",
        format!("Your place was not taken yet. Try again in {wait}; it is safe to."),
    )
}

/// What a buyer hears who asks too often.
#[must_use]
pub fn too_many(retry_after_s: u32) -> Said {
    let wait = TIME.seconds.say(retry_after_s, &[]);
    Said::tension("That was a lot at once", format!("Wait {wait}, then join again."))
}

/// The form came without what the server had put in it.
#[must_use]
pub fn incomplete() -> Said {
    Said::problem("The form was not complete", "Nothing was done. Join again with the form below.")
}

/// The number of units could not be read.
#[must_use]
pub fn unreadable_units() -> Said {
    Said::problem("How many coupons?", format!("Enter a whole number from 1 to {}.", number(Units::MAX)))
}
