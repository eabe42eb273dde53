//! The buyers of the sample deals.

use super::editions;
use crate::dev::names;
use crate::domain::{AccountId, Email, FieldProblem};
use crate::people::NewAccount;

/// Number of sample buyers. It must exceed the number of buyers of the largest sample deal.
pub(super) const BUYERS: usize = 1_200;

/// The account of the sample buyer with this number.
pub(super) fn buyer_id(number: usize) -> AccountId {
    editions::derived(&["buyer", &number.to_string()]).into()
}

/// All sample buyers. They have no password, so nobody can sign in as one.
pub(super) fn sample_buyers() -> Result<Vec<NewAccount>, FieldProblem> {
    let account = |number| {
        let (first, last) = names::first_and_last(number);
        Ok(NewAccount {
            id: buyer_id(number),
            email: Email::parse(&format!("buyer-{number}@sample.invalid"))?,
            name: format!("{first} {last}"),
            password_hash: None,
        })
    };
    (0..BUYERS).map(account).collect()
}
