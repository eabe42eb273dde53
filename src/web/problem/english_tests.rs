use super::*;
use crate::domain::FieldProblem;
use crate::domain::coupon_code::CouponCodeError;
use crate::web::problem::Problem;

/// Every kind, with the code and the message that clients receive.
fn samples() -> Vec<(Kind, &'static str, &'static str)> {
    let currency = |code| Currency::parse(code).unwrap();
    vec![
        (Kind::Required, "required", "Fill this in."),
        (Kind::ReasonRequired, "required", "Say why: buyers read it."),
        (Kind::NameRequired, "required", "Enter a name."),
        (
            Kind::MerchantRequired,
            "required",
            "You are on the staff of several merchants. Name the one that offers this.",
        ),
        (Kind::NotYourMerchant, "not_yours", "Name a merchant whose staff you are on."),
        (Kind::LabelRequired, "required", "Say what the token is for, such as: till 2."),
        (Kind::ScopeRequired, "required", "Name at least one scope, or leave scopes out for all of them."),
        (Kind::DealRequired, "required", "Name at least one deal: ?deal=ID."),
        (Kind::BadCharacter, "bad_character", "Remove the control characters."),
        (Kind::TooShort { min: 8 }, "too_short", "Use at least 8 characters."),
        (Kind::TooLong { max: 500 }, "too_long", "Use at most 500 characters."),
        (Kind::LongerThan { max: 120, length: 121 }, "too_long", "Use at most 120 characters; these are 121."),
        (Kind::BadTill { max: 80 }, "out_of_range", "Use 1 to 80 characters, or leave it out."),
        (Kind::UnitsOutOfRange { max: 1_000 }, "out_of_range", "Ask for at least 1 and at most 1000 units."),
        (Kind::CountOutOfRange { min: 1, max: 10_000_000 }, "out_of_range", "Enter a number from 1 to 10000000."),
        (Kind::ParameterOutOfRange { min: 1, max: 100 }, "out_of_range", "Use a whole number from 1 to 100."),
        (Kind::AmountNotPositive, "out_of_range", "Enter an amount above zero."),
        (Kind::AmountTooLarge { max: crate::domain::Money::MAX }, "out_of_range", "Enter at most 1000000000."),
        (
            Kind::TooManyDecimals { currency: currency("USD") },
            "too_many_decimals",
            "USD has 2 decimals: enter an amount like 19.00.",
        ),
        (
            Kind::TooManyDecimals { currency: currency("JPY") },
            "too_many_decimals",
            "JPY has no decimals: enter a whole number.",
        ),
        (Kind::NotAnAmount { currency: currency("USD") }, "not_a_number", "Enter an amount like 19.00."),
        (Kind::NotAnAmount { currency: currency("JPY") }, "not_a_number", "Enter an amount like 19."),
        (Kind::NotAWholeNumber, "not_a_number", "Enter a whole number."),
        (Kind::UnknownCurrency, "unknown_currency", "Name a currency by its three letters, such as USD."),
        (Kind::NotBelowFaceValue, "not_below_face_value", "Offer a price below the face value."),
        (
            Kind::BelowTippingPoint { tipping_point: 10 },
            "below_tipping_point",
            "Sell at least 10 units: the tipping point needs that many buyers.",
        ),
        (Kind::AboveCap { cap: 5 }, "above_cap", "Let one buyer have at most 5: the deal sells no more."),
        (Kind::NotAfterOpening, "not_after_opening", "Close the deal after it opens."),
        (Kind::NotAfterClosing, "not_after_closing", "Let coupons be good until after the deal closes."),
        (Kind::ClosesInThePast, "in_the_past", "Close the deal at a time that is still to come."),
        (Kind::ClosesTooFar, "too_far", "Close the deal within a year."),
        (Kind::ExpiresInThePast, "in_the_past", "Let it expire at a time that is still to come."),
        (Kind::ExpiresTooFar, "too_far", "Let it expire within three years, or leave this out."),
        (Kind::NotATime, "not_a_time", "Send a time like 2026-12-01T12:00:00Z."),
        (Kind::NotALocalTime, "not_a_time", "Enter a date and a time, such as 2027-03-01T18:30."),
        (Kind::NoSuchTime, "no_such_time", "The clocks go forward over this time: choose another."),
        (Kind::UnknownTimeZone, "unknown_time_zone", "Name an IANA time zone, such as Asia/Jakarta."),
        (Kind::NotAnEmail, "not_an_email", "Enter an e-mail address, such as ann@example.com."),
        (
            Kind::EmailTaken,
            "email_taken",
            "There is an account with this e-mail address. Sign in to it, or use another address.",
        ),
        (Kind::PasswordTooCommon, "too_common", "This password is one of those that are tried first: choose another."),
        (Kind::UnknownRole, "unknown_role", "Say buyer or merchant."),
        (Kind::UnknownScope, "unknown_scope", "Use join, deals, redeem, read."),
        (
            Kind::CouponCode(CouponCodeError::WrongLength),
            "not_a_code",
            "Type the code again: a code has 17 letters and digits.",
        ),
        (
            Kind::MistypedCouponCode,
            "not_a_code",
            "This is not a coupon code: one has 17 letters and digits, and the last one checks the others. Read it again.",
        ),
        (Kind::NotABoolean, "not_a_choice", "Use true or false."),
        (Kind::UnknownDealState, "not_a_choice", "Use one of draft, open, tipped, succeeded, failed, withdrawn."),
        (Kind::NotADealId, "bad_id", "Use the id of a deal, a UUID."),
        (Kind::NotALiveDealId, "bad_id", "Send the id of a deal, a UUID."),
        (Kind::TooManyDeals { max: 50 }, "too_many", "Name at most 50 deals."),
        (Kind::AlreadyPublished, "already_published", "Leave this out."),
        (Kind::UnknownParameter, "unknown_parameter", "There is no such parameter: leave it out."),
        (Kind::GivenTwice, "given_twice", "Give it once."),
        (
            Kind::UnknownField { known: "units, at".to_owned() },
            "unknown_field",
            "There is no such field: remove it. Known are: units, at.",
        ),
        (Kind::DuplicateField { name: "units".to_owned() }, "duplicate_field", "Send units once."),
        (Kind::WrongType { expected: JsonType::Object }, "wrong_type", "Send a JSON object."),
        (Kind::WrongType { expected: JsonType::List }, "wrong_type", "Send a list."),
        (Kind::WrongType { expected: JsonType::Text }, "wrong_type", "Send a text in quotes."),
        (Kind::WrongType { expected: JsonType::WholeNumber }, "wrong_type", "Send a whole number."),
        (Kind::WrongType { expected: JsonType::Other("a boolean".to_owned()) }, "wrong_type", "Send a boolean."),
    ]
}

#[test]
fn every_kind_of_problem_is_sent_as_pointer_code_and_message() {
    for (kind, code, message) in samples() {
        let problem = Problem::invalid(vec![FieldProblem::new("field", kind)]);
        let document: serde_json::Value = serde_json::from_str(&problem.to_json()).unwrap();
        assert_eq!(document["errors"], serde_json::json!([{"pointer": "/field", "code": code, "message": message}]));
    }
}
