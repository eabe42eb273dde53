//! The English sentence for each problem of a field. No other module contains such sentences.

use rust_decimal::Decimal;

use crate::domain::problem::{FieldProblemKind as Kind, JsonType};
use crate::domain::{Currency, DealState};
use crate::people::Scope;

/// The sentence for a problem: what to do about it.
#[must_use]
pub fn sentence(kind: &Kind) -> String {
    let fixed = match kind {
        Kind::Required => "Fill this in.",
        Kind::ReasonRequired => "Say why: buyers read it.",
        Kind::NameRequired => "Enter a name.",
        Kind::MerchantRequired => "You are on the staff of several merchants. Name the one that offers this.",
        Kind::NotYourMerchant => "Name a merchant whose staff you are on.",
        Kind::LabelRequired => "Say what the token is for, such as: till 2.",
        Kind::ScopeRequired => "Name at least one scope, or leave scopes out for all of them.",
        Kind::DealRequired => "Name at least one deal: ?deal=ID.",
        Kind::BadCharacter => "Remove the control characters.",
        Kind::AmountNotPositive => "Enter an amount above zero.",
        Kind::NotAWholeNumber => "Enter a whole number.",
        Kind::UnknownCurrency => "Name a currency by its three letters, such as USD.",
        Kind::NotBelowFaceValue => "Offer a price below the face value.",
        Kind::NotAfterOpening => "Close the deal after it opens.",
        Kind::NotAfterClosing => "Let coupons be good until after the deal closes.",
        Kind::ClosesInThePast => "Close the deal at a time that is still to come.",
        Kind::ClosesTooFar => "Close the deal within a year.",
        Kind::ExpiresInThePast => "Let it expire at a time that is still to come.",
        Kind::ExpiresTooFar => "Let it expire within three years, or leave this out.",
        Kind::NotATime => "Send a time like 2026-12-01T12:00:00Z.",
        Kind::NotALocalTime => "Enter a date and a time, such as 2027-03-01T18:30.",
        Kind::NoSuchTime => "The clocks go forward over this time: choose another.",
        Kind::UnknownTimeZone => "Name an IANA time zone, such as Asia/Jakarta.",
        Kind::NotAnEmail => "Enter an e-mail address, such as ann@example.com.",
        Kind::EmailTaken => "There is an account with this e-mail address. Sign in to it, or use another address.",
        Kind::PasswordTooCommon => "This password is one of those that are tried first: choose another.",
        Kind::UnknownRole => "Say buyer or merchant.",
        Kind::MistypedCouponCode => {
            "This is not a coupon code: one has 17 letters and digits, and the last one checks the others. Read it again."
        }
        Kind::NotABoolean => "Use true or false.",
        Kind::NotADealId => "Use the id of a deal, a UUID.",
        Kind::NotALiveDealId => "Send the id of a deal, a UUID.",
        Kind::AlreadyPublished => "Leave this out.",
        Kind::UnknownParameter => "There is no such parameter: leave it out.",
        Kind::GivenTwice => "Give it once.",
        Kind::TooShort { min } => return format!("Use at least {min} characters."),
        Kind::TooLong { max } => return format!("Use at most {max} characters."),
        Kind::LongerThan { max, length } => return format!("Use at most {max} characters; these are {length}."),
        Kind::BadTill { max } => return format!("Use 1 to {max} characters, or leave it out."),
        Kind::UnitsOutOfRange { max } => return format!("Ask for at least 1 and at most {max} units."),
        Kind::CountOutOfRange { min, max } => return format!("Enter a number from {min} to {max}."),
        Kind::ParameterOutOfRange { min, max } => return format!("Use a whole number from {min} to {max}."),
        Kind::AmountTooLarge { max } => return format!("Enter at most {max}."),
        Kind::TooManyDecimals { currency } => return too_many_decimals(*currency),
        Kind::NotAnAmount { currency } => return format!("Enter an amount like {}.", example(*currency)),
        Kind::BelowTippingPoint { tipping_point } => {
            return format!("Sell at least {tipping_point} units: the tipping point needs that many buyers.");
        }
        Kind::AboveCap { cap } => return format!("Let one buyer have at most {cap}: the deal sells no more."),
        Kind::UnknownScope => return format!("Use {}.", Scope::ALL.map(Scope::as_str).join(", ")),
        Kind::CouponCode(error) => return format!("Type the code again: {error}."),
        Kind::UnknownDealState => return format!("Use one of {}.", DealState::ALL.map(DealState::as_str).join(", ")),
        Kind::TooManyDeals { max } => return format!("Name at most {max} deals."),
        Kind::UnknownField { known } => return format!("There is no such field: remove it. Known are: {known}."),
        Kind::DuplicateField { name } => return format!("Send {name} once."),
        Kind::WrongType { expected } => return format!("Send {}.", json_type(expected)),
    };
    fixed.to_owned()
}

fn too_many_decimals(currency: Currency) -> String {
    match currency.decimals() {
        0 => format!("{currency} has no decimals: enter a whole number."),
        n => format!("{currency} has {n} decimals: enter an amount like {}.", example(currency)),
    }
}

fn example(currency: Currency) -> Decimal {
    let mut amount = Decimal::from(19);
    amount.rescale(currency.decimals());
    amount
}

fn json_type(expected: &JsonType) -> &str {
    match expected {
        JsonType::Object => "a JSON object",
        JsonType::List => "a list",
        JsonType::Text => "a text in quotes",
        JsonType::WholeNumber => "a whole number",
        JsonType::Other(name) => name,
    }
}

#[cfg(test)]
#[path = "english_tests.rs"]
mod tests;
