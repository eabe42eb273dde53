//! What templates see.
//!
//! Owns the translation from what the domain says to what a page shows: sentences, formatted times and amounts, addresses.
//! Templates never see store types, and nothing in here loads anything: whoever calls passes it in, the time included.

pub mod card;
pub mod coupon;
pub mod deal;
pub mod drawing;
pub mod entry;
pub mod form;
pub mod home;
pub mod join;
pub mod markdown;
pub mod merchant;
pub mod mine;
pub mod phase;
pub mod price;
pub mod progress;
pub mod shell;
pub mod signup;
pub mod trouble;
pub mod when;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub use form::Form;
pub use shell::{Said, Shell, Viewer};

use serde::Serialize;

/// JSON that is safe inside a `<script>` element: nothing in it can end the element.
#[must_use]
pub fn script_json(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).unwrap_or_default();
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}
