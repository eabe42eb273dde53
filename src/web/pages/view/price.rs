//! What a deal costs, what it would cost, and the difference.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::domain::{Money, Terms};

/// The price block.
#[derive(Clone, Debug, Template)]
#[template(path = "components/price.html")]
pub struct Price {
    /// The deal price.
    pub now: String,
    /// The normal price.
    pub face_value: String,
    saving: String,
    percent: u32,
    big: bool,
}

impl HtmlSafe for Price {}

impl Price {
    /// The prices of these terms; `big` on the deal's own page.
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

/// What a deal brings its merchant.
#[derive(Clone, Debug)]
pub struct Earnings {
    /// When as few buyers join as it needs, one coupon each.
    pub at_tipping_point: String,
    /// When every coupon is sold; none without a cap.
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
