//! The sample deals: our own texts and drawn pictures, and in which state each of them is shown.
//!
//! Owns words, places and the position of each deal in the distribution of real ones (see [`figures`]); must never hold a
//! price or a size of its own. A sample's picture is `web/static/pictures/NAME.svg`, its description `texts/NAME.md`.

mod crafts;
mod culture;
pub mod figures;
mod food;
mod outdoors;
mod shops;

pub use shops::{DEMO_SHOP, Local, SHOPS, Shop};

/// A sample deal.
#[derive(Debug)]
pub struct Sample {
    /// What its id is derived from. Never changes: a new name is a new deal.
    pub name: &'static str,
    /// Who offers it, where, and in which money.
    pub shop: &'static Shop,
    /// Its title.
    pub title: &'static str,
    /// Its category.
    pub category: &'static str,
    /// Its description in Markdown.
    pub description: &'static str,
    /// The name of its picture; none: a drawing made from the deal's id.
    pub picture: Option<&'static str>,
    /// So many percent of the real deals were cheaper.
    pub price_rank: u32,
    /// So many percent of the real deals gave less of a discount.
    pub discount_rank: u32,
    /// How many it sells, and when it tips.
    pub size: Size,
    /// The most units of one buyer.
    pub per_buyer_max: u32,
    /// When its window is.
    pub window: Window,
    /// For how many days after its window a coupon is good.
    pub coupon_days: i64,
    /// The state that it shows.
    pub stage: Stage,
    /// What the demo buyer did in it.
    pub demo_buyer: DemoBuyer,
}

/// How many units a deal is made for.
#[derive(Clone, Copy, Debug)]
pub enum Size {
    /// As many as a real deal of this rank sold; it tips at a share of that.
    Like {
        /// So many percent of the real deals sold less.
        rank: u32,
        /// The tipping point as a percentage of the size.
        tips_at_percent: u32,
        /// Whether the deal sells no more than that.
        capped: bool,
    },
    /// Small on purpose: a simulated crowd tips it while somebody watches.
    Few {
        /// Its tipping point.
        tipping_point: u32,
        /// Its cap.
        cap: u32,
    },
}

/// When a deal's window begins and ends.
#[derive(Clone, Copy, Debug)]
pub enum Window {
    /// From the morning of one day to the evening of another, in the shop's time zone, counted from today.
    Days(i64, i64),
    /// Since some hours ago, for so many days.
    SinceJustNow {
        /// It closes in the evening of this day from today.
        closes_in_days: i64,
    },
}

/// The state that a sample shows. `joined_percent` is its buyers as a percentage of the tipping point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Written, not published.
    Draft,
    /// Published, and its window begins later.
    OpensLater,
    /// Open, below its tipping point; from 80 % on "almost there".
    Open {
        /// How far it has come.
        joined_percent: u32,
    },
    /// Open, and left to the simulated crowd to tip.
    Showcase {
        /// How many buyers were there before the crowd.
        joined: u32,
    },
    /// Tipped, and selling.
    On {
        /// How far it has come.
        joined_percent: u32,
    },
    /// Tipped, with nothing left.
    SoldOut,
    /// Its window is over, and it had tipped.
    Succeeded {
        /// How far it came.
        joined_percent: u32,
        /// How many of its coupons are redeemed.
        redeemed: u32,
    },
    /// Its window is over, and too few joined.
    Failed {
        /// How far it came.
        joined_percent: u32,
    },
    /// Taken down.
    Withdrawn {
        /// How far it had come.
        joined_percent: u32,
        /// Why, as the merchant told.
        reason: &'static str,
    },
}

/// What the demo buyer did in a sample deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DemoBuyer {
    /// Nothing.
    Absent,
    /// Joined with so many units.
    Joined(u32),
    /// Joined, and left again.
    Left,
}

impl Stage {
    /// The state in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Draft => "a draft",
            Self::OpensLater => "opens later",
            Self::Open { joined_percent: 80.. } => "almost there",
            Self::Open { .. } => "open",
            Self::Showcase { .. } => "open, for the crowd to tip",
            Self::On { .. } => "on",
            Self::SoldOut => "sold out",
            Self::Succeeded { .. } => "ended, on",
            Self::Failed { .. } => "ended, not enough buyers",
            Self::Withdrawn { .. } => "withdrawn",
        }
    }

    /// Whether such a deal ends by itself some day, and then shows another state than it was made for.
    #[must_use]
    pub const fn passes(self) -> bool {
        matches!(self, Self::OpensLater | Self::Open { .. } | Self::Showcase { .. } | Self::On { .. } | Self::SoldOut)
    }
}

/// Every sample deal. Later ones are written later, so that the home page, newest first, begins with the showcase.
pub fn all() -> impl Iterator<Item = &'static Sample> {
    [outdoors::SAMPLES, culture::SAMPLES, food::SAMPLES, crafts::SAMPLES].into_iter().flatten()
}

/// The sample deals that are left to the simulated crowd.
pub fn showcase() -> impl Iterator<Item = &'static Sample> {
    all().filter(|sample| matches!(sample.stage, Stage::Showcase { .. }))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
