//! The join section of a deal's page.

use super::phase::Phase;
use crate::domain::{Deal, Refusal, Signup, SignupState, Units};
use crate::web::page::Notice;
use crate::web::words::{TIME, UNITS, number};

/// The visitor of a deal's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visitor {
    Anonymous,
    Buyer,
    /// Staff of the deal's merchant, who cannot join it.
    Staff,
}

/// What the section offers to the visitor.
#[derive(Clone, Debug)]
pub enum JoinOption {
    /// The join form. It is hidden until the deal takes joins.
    Form(JoinForm),
    /// A link to sign in first, with its URL.
    SignIn(String),
    /// No form, because the buyer has reached the limit of units. Holds the sentence to show.
    AtLimit(String),
    /// No form, because the visitor is staff of the deal's merchant.
    OwnDeal,
    /// No form, because the deal takes no joins. The section shows `closed_text`.
    Closed,
}

/// The sentence for staff of the deal's merchant.
pub(super) const OWN_DEAL: &str = "You can't join a deal of your own shop.";

/// The join form's values.
#[derive(Clone, Debug)]
pub struct JoinForm {
    pub(super) action: String,
    pub(super) key: String,
    pub(super) most: u32,
    pub(super) units: u32,
    pub(super) open: bool,
}

/// A signup of this visitor in this deal.
#[derive(Clone, Debug)]
pub struct OwnSignup {
    pub(super) title: String,
    pub(super) units: String,
    pub(super) href: String,
}

impl From<&Signup> for OwnSignup {
    fn from(signup: &Signup) -> Self {
        Self {
            title: format!("You joined: you are buyer {}", number(signup.number)),
            units: UNITS.say(signup.units, &[]),
            href: format!("/signups/{}", signup.id),
        }
    }
}

/// The join section's view model.
#[derive(Clone, Debug)]
pub struct JoinSection {
    pub(super) refusal: Option<Notice>,
    pub(super) signups: Vec<OwnSignup>,
    pub(super) option: JoinOption,
    pub(super) closed_text: &'static str,
    pub(super) note: &'static str,
}

/// The submitted values of a failed attempt to join.
#[derive(Clone, Debug)]
pub struct JoinAttempt {
    /// The idempotency key, for the retry.
    pub key: String,
    /// The number of units.
    pub units: u32,
}

impl JoinSection {
    /// The section for this visitor with these signups. After a failed `attempt` the form keeps the submitted values;
    /// otherwise it gets `fresh_key`.
    #[must_use]
    pub fn new(
        deal: &Deal,
        phase: Phase,
        visitor: Visitor,
        own: &[Signup],
        attempt: Option<JoinAttempt>,
        fresh_key: String,
    ) -> Self {
        let own: Vec<&Signup> = own.iter().filter(|signup| signup.state == SignupState::Active).collect();
        let held: u32 = own.iter().map(|signup| signup.units).sum();
        let most = deal.terms.per_buyer_max.saturating_sub(held).min(deal.progress.left().unwrap_or(u32::MAX));
        let option = match visitor {
            _ if !phase.may_take_joins() => JoinOption::Closed,
            Visitor::Anonymous if phase.takes_joins() => {
                JoinOption::SignIn(format!("/sign-in?next=/deals/{}", deal.id))
            }
            Visitor::Anonymous => JoinOption::Closed,
            Visitor::Staff => JoinOption::OwnDeal,
            Visitor::Buyer if held >= deal.terms.per_buyer_max => {
                let limit = UNITS.say(deal.terms.per_buyer_max, &[]);
                JoinOption::AtLimit(format!("That is as many as one buyer may have: {limit}."))
            }
            Visitor::Buyer => {
                let JoinAttempt { key, units } = attempt.unwrap_or(JoinAttempt { key: fresh_key, units: 1 });
                let most = most.max(1);
                let action = format!("/deals/{}/join", deal.id);
                JoinOption::Form(JoinForm { action, key, most, units: units.clamp(1, most), open: phase.takes_joins() })
            }
        };
        let signups = own.into_iter().map(OwnSignup::from).collect();
        Self { refusal: None, signups, option, closed_text: phase.words().join, note: phase.words().note }
    }

    /// Adds the notice of a failed attempt.
    #[must_use]
    pub fn with_refusal(self, refusal: Notice) -> Self {
        Self { refusal: Some(refusal), ..self }
    }

    /// Whether joining is the visitor's next step. If so, phones keep the section in sight.
    pub(super) fn is_ready(&self) -> bool {
        match &self.option {
            JoinOption::Form(form) => form.open && self.signups.is_empty(),
            JoinOption::SignIn(_) => true,
            JoinOption::AtLimit(_) | JoinOption::OwnDeal | JoinOption::Closed => false,
        }
    }
}

/// The notice for a refusal.
#[must_use]
pub fn refused(refusal: Refusal) -> Notice {
    match refusal {
        Refusal::SoldOut => Notice::problem("Sold out meanwhile", "Somebody took the last coupon a moment before you."),
        Refusal::NotEnoughLeft { available: 0 } => Notice::problem(
            "None can be taken right now",
            "The last ones are kept for the buyers that the deal still needs.",
        ),
        Refusal::NotEnoughLeft { available } => Notice::tension(
            format!("Only {} can be had now", UNITS.say(available, &[])),
            "Choose fewer, and join again.",
        ),
        Refusal::PlacesHeld => Notice::tension(
            "Every free place is being taken right now",
            "If one of them comes back it is yours: try again in a few seconds.",
        ),
        Refusal::BuyerLimit { max } => Notice::problem(
            "That is more than one buyer may have",
            format!("One buyer may have {} of this deal.", UNITS.say(max, &[])),
        ),
        Refusal::NotOpen => Notice::tension("Not open yet", "You can join when the deal opens."),
        Refusal::Closed => Notice::problem("This deal is over", "It takes no more buyers."),
        Refusal::OwnDeal => Notice::problem("This is your own deal", OWN_DEAL),
        Refusal::KeyReused => Notice::problem(
            "This form was sent before with another number",
            "Look below whether you have joined; if not, join again.",
        ),
    }
}

/// The notice for an overloaded server.
#[must_use]
pub fn busy(retry_after_s: u32) -> Notice {
    let wait = TIME.seconds.say(retry_after_s, &[]);
    Notice::tension(
        "Very many people are joining",
        format!("Your place was not taken yet. Try again in {wait}; it is safe to."),
    )
}

/// The notice for a form without a valid idempotency key.
#[must_use]
pub fn incomplete() -> Notice {
    Notice::problem("The form was not complete", "Nothing was done. Join again with the form below.")
}

/// The notice for an invalid number of units.
#[must_use]
pub fn invalid_units() -> Notice {
    Notice::problem("How many coupons?", format!("Enter a whole number from 1 to {}.", number(Units::MAX)))
}
