//! The progress block: a deal's figures as a headline, a bar and a countdown.

use askama::Template;
use askama::filters::HtmlSafe;
use chrono::{DateTime, Utc};

use super::phase::Phase;
use crate::domain::{Deal, Figures};
use crate::web::page::time::{Moment, time_until};
use crate::web::words::{LEFT, number};

/// The size of a progress block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// For cards and lists.
    Small,
    /// For pages about a single deal: all details, and announcements to screen readers.
    Full,
}

/// A progress block.
#[derive(Clone, Debug, Template)]
#[template(path = "components/progress.html")]
pub struct ProgressBlock {
    deal: String,
    /// The deal's phase.
    pub phase: Phase,
    figures: String,
    headline: String,
    joined: String,
    left: String,
    explain: String,
    tipping_point: u32,
    bar: u32,
    opens: Moment,
    closes: Moment,
    time_left: String,
    time_to_opening: String,
    full: bool,
}

impl HtmlSafe for ProgressBlock {}

impl ProgressBlock {
    /// The block of this deal at the time `now`.
    #[must_use]
    pub fn new(deal: &Deal, now: DateTime<Utc>, size: Size) -> Self {
        let progress = &deal.progress;
        let phase = Phase::of(progress, deal.terms.opens_at, now);
        let words = phase.words();
        let opens = Moment::new(deal.terms.opens_at, deal.terms.time_zone);
        let (buyers, point) = (number(progress.buyers), number(progress.tipping_point));
        let values = [("buyers", buyers.as_str()), ("tipping_point", point.as_str()), ("opens", opens.text.as_str())];
        Self {
            deal: deal.id.to_string(),
            phase,
            figures: serde_json::to_string(&Figures::from(progress)).unwrap_or_default(),
            headline: words.headline.say(progress.needed(), &values),
            joined: words.joined.say(progress.buyers, &values),
            left: progress.left().map(|left| LEFT.say(left, &[])).unwrap_or_default(),
            explain: words.explain.say(progress.buyers, &values),
            tipping_point: progress.tipping_point,
            bar: progress.buyers.min(progress.tipping_point),
            opens,
            closes: Moment::new(progress.closes_at, deal.terms.time_zone),
            time_left: time_until(progress.closes_at, now),
            time_to_opening: time_until(deal.terms.opens_at, now),
            full: size == Size::Full,
        }
    }
}
