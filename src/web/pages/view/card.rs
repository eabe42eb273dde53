//! Deal cards.

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, Utc};

use super::drawing;
use super::price::Price;
use super::progress::{ProgressBlock, Size};
use crate::domain::Deal;

/// A deal's card on the home page and in the editor's preview.
#[derive(Clone, Debug, Template)]
#[template(path = "components/card.html")]
pub struct Card {
    href: String,
    title: String,
    merchant: String,
    city: Option<String>,
    picture: String,
    badge: &'static str,
    tone: &'static str,
    price: Price,
    progress: ProgressBlock,
}

impl HtmlSafe for Card {}

impl Card {
    /// The card of this deal at the time `now`.
    #[must_use]
    pub fn new(deal: &Deal, now: DateTime<Utc>) -> Self {
        let progress = ProgressBlock::new(deal, now, Size::Small);
        let words = progress.phase.words();
        Self {
            href: format!("/deals/{}", deal.id),
            title: deal.terms.title.clone(),
            merchant: deal.merchant_name.clone(),
            city: deal.terms.city.clone(),
            picture: drawing::picture_url(deal),
            badge: words.badge,
            tone: words.tone,
            price: Price::new(&deal.terms, false),
            progress,
        }
    }
}
