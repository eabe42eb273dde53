//! The sample deals: texts, pictures, and the state that each deal shows.
//!
//! A sample has no price or size of its own. It has percentiles in the distributions of real deals: see [`figures`].
//! Its picture is `web/static/pictures/NAME.svg`, and its description is `texts/NAME.md`.

mod crafts;
mod culture;
pub mod figures;
mod food;
mod outdoors;
mod shops;

pub use shops::{DEMO_SHOP, Shop};

/// A sample deal.
#[derive(Debug)]
pub struct Sample {
    /// The name, from which the ids are derived. Changing it creates another deal.
    pub name: &'static str,
    /// The shop, which determines the place and the currency.
    pub shop: &'static Shop,
    pub title: &'static str,
    pub category: &'static str,
    pub description: &'static str,
    /// Name of the picture. `None` shows a pattern generated from the deal's id.
    pub picture: Option<&'static str>,
    /// Percentile of the price among real deals.
    pub price_rank: u32,
    /// Percentile of the discount among real deals.
    pub discount_rank: u32,
    pub size: Size,
    pub per_buyer_max: u32,
    pub window: Window,
    /// Days after the end of the window until coupons expire.
    pub coupon_days: i64,
    /// State that the sample shows.
    pub stage: Stage,
    /// What the demo buyer does in the deal.
    pub demo_buyer: DemoBuyer,
}

/// The size of a deal, in units.
#[derive(Clone, Copy, Debug)]
pub enum Size {
    /// A size like that of a real deal.
    Like {
        /// Percentile of the size among real deals.
        rank: u32,
        /// The tipping point as a percentage of the size.
        tips_at_percent: u32,
        /// Whether the size is also the cap.
        capped: bool,
    },
    /// A size small enough for a simulated crowd to tip the deal within a minute.
    Few { tipping_point: u32, cap: u32 },
}

#[derive(Clone, Copy, Debug)]
pub enum Window {
    /// From the morning of one day to the evening of another. Days count from today, in the shop's time zone.
    Days(i64, i64),
    /// From about three hours ago to the evening of a day.
    SinceJustNow {
        /// The day, counted from today.
        closes_in_days: i64,
    },
}

/// The state that a sample shows. `joined_percent` is the number of buyers as a percentage of the tipping point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Not published.
    Draft,
    /// Published, but the window begins later.
    OpensLater,
    /// Open, below the tipping point. Pages show "almost there" from 80 % on.
    Open { joined_percent: u32 },
    /// Open, for the simulated crowd to tip.
    Showcase {
        /// Buyers who have joined before the crowd.
        joined: u32,
    },
    /// Tipped, with units left.
    On { joined_percent: u32 },
    /// Tipped, with no units left.
    SoldOut,
    /// Closed after it had tipped.
    Succeeded { joined_percent: u32, redeemed: u32 },
    /// Closed below the tipping point.
    Failed { joined_percent: u32 },
    /// Withdrawn by the merchant.
    Withdrawn { joined_percent: u32, reason: &'static str },
}

/// What the demo buyer does in a sample deal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DemoBuyer {
    Absent,
    /// Joins with this many units.
    Joined(u32),
    Left,
}

impl Stage {
    /// A description of the state for progress messages.
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

    /// Whether a deal leaves this state at the end of its window.
    #[must_use]
    pub const fn passes(self) -> bool {
        matches!(self, Self::OpensLater | Self::Open { .. } | Self::Showcase { .. } | Self::On { .. } | Self::SoldOut)
    }
}

/// All sample deals. They are created in this order, so the home page, newest first, begins with the showcase.
pub fn all() -> impl Iterator<Item = &'static Sample> {
    [outdoors::SAMPLES, culture::SAMPLES, food::SAMPLES, crafts::SAMPLES].into_iter().flatten()
}

/// The sample deals for the simulated crowd.
pub fn showcase() -> impl Iterator<Item = &'static Sample> {
    all().filter(|sample| matches!(sample.stage, Stage::Showcase { .. }))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
