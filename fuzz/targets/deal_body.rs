//! Parses the body of a new deal. Terms that are accepted obey all rules across fields.
#![no_main]

use chrono::DateTime;
use libfuzzer_sys::fuzz_target;
use muster::domain::{Terms, TermsForm};
use muster::web::parse_json;

mod problem;

fuzz_target!(|body: &[u8]| {
    let form = match parse_json::<TermsForm>(body) {
        Ok(form) => form,
        Err(problem) => return problem::is_the_clients(&problem),
    };
    match Terms::parse(&form, DateTime::UNIX_EPOCH) {
        Ok(terms) => {
            assert!(terms.tipping_point >= 1 && terms.per_buyer_max >= 1);
            assert!(terms.cap.is_none_or(|cap| terms.tipping_point <= cap && terms.per_buyer_max <= cap));
            assert!(terms.opens_at < terms.closes_at && terms.closes_at < terms.coupon_expires_at);
            assert!(!terms.title.trim().is_empty() && terms.title.chars().count() <= 120);
        }
        Err(problems) => assert!(!problems.is_empty()),
    }
});
