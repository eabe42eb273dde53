//! View models: the values that the templates render.
//!
//! Owns the translation from domain values to what a page shows: sentences, formatted times and amounts, URLs.
//! Templates never see store types. Views load nothing; callers pass in all data, including the current time.

pub mod card;
pub mod coupon;
pub mod deal;
pub mod drawing;
pub mod home;
pub mod join;
pub mod lists;
pub mod markdown;
pub mod merchant;
pub mod phase;
pub mod price;
pub mod progress;
pub mod signup;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

use serde::Serialize;

/// JSON that is safe inside a `<script>` element: it cannot contain the closing tag.
#[must_use]
pub fn script_json(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).unwrap_or_default();
    json.replace('<', "\\u003c").replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
}
