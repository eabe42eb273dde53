//! Prices: a deal's price, face value and saving, and the merchant's earnings.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::domain::{Money, Terms};

/// A price block: price, face value and saving.
#[derive(Clone, Debug, Template)]
#[template(path = "components/price.html")]
pub struct Price {
    pub(super) now: String,
    pub(super) face_value: String,
    saving: String,
    percent: u32,
    big: bool,
}

impl HtmlSafe for Price {}

impl Price {
    /// The prices of these terms. `big` is for pages about a single deal.
    #[must_use]
    pub fn new(terms: &Terms, big: bool) -> Self {
        let saving = Money::new("price", terms.saving(), terms.price.currency());
        Self {
            now: terms.price.display(),
            face_value: terms.face_value.display(),
            saving: saving.map(Money::display).unwrap_or_default(),
            percent: terms.saving_percent(),
            big,
        }
    }
}

/// The merchant's earnings from a deal.
#[derive(Clone, Debug)]
pub struct Earnings {
    /// At the tipping point, with one coupon for each buyer.
    pub at_tipping_point: String,
    /// With every unit sold; none without a cap.
    pub at_cap: Option<String>,
}

impl From<&Terms> for Earnings {
    fn from(terms: &Terms) -> Self {
        Self {
            at_tipping_point: terms.price.times(terms.tipping_point).display(),
            at_cap: terms.cap.map(|cap| terms.price.times(cap).display()),
        }
    }
}
