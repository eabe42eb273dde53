//! Prices, discounts and sizes of real group deals, from which the figures of the sample deals are taken.
//!
//! The tables are quantiles of 4,133 deals in US dollars that Groupon listed as "recent" (`PriceData.dat` of
//! josephmisiti/groupon-scraping). All of them had a tipping point, but the data set does not contain it. The data set
//! is not part of Muster. If the file is available, a test compares the tables with it.

use super::shops::Local;

/// A distribution, given by pairs of a percentile and its value.
#[derive(Debug)]
pub struct Quantiles(&'static [(u32, u64)]);

/// Deal prices in cents.
pub const PRICE_CENTS: Quantiles = Quantiles(&[
    (1, 400),
    (5, 500),
    (10, 600),
    (20, 900),
    (30, 1_000),
    (40, 1_400),
    (50, 1_700),
    (60, 2_000),
    (70, 2_500),
    (80, 3_500),
    (90, 5_000),
    (95, 9_500),
    (99, 15_000),
]);

/// Discounts in tenths of a percent. Four in ten deals have exactly 50 %.
pub const DISCOUNT_PERMILLE: Quantiles = Quantiles(&[
    (1, 431),
    (5, 500),
    (40, 500),
    (50, 514),
    (60, 533),
    (70, 568),
    (80, 600),
    (90, 678),
    (95, 750),
    (99, 900),
]);

/// Numbers of units sold.
pub const UNITS_SOLD: Quantiles = Quantiles(&[
    (1, 51),
    (5, 110),
    (10, 176),
    (20, 317),
    (30, 458),
    (40, 601),
    (50, 780),
    (60, 1_034),
    (70, 1_346),
    (80, 1_908),
    (90, 3_082),
    (95, 4_691),
    (99, 9_029),
]);

impl Quantiles {
    /// The value of a percentile, interpolated linearly between the known ones.
    #[must_use]
    pub fn at(&self, percent: u32) -> u64 {
        let mut below = None;
        for &(known, value) in self.0 {
            match below {
                _ if known == percent => return value,
                Some((from, low)) if known > percent => {
                    return low + (value - low) * u64::from(percent - from) / u64::from(known - from);
                }
                None if known > percent => return value,
                _ => below = Some((known, value)),
            }
        }
        below.map_or(0, |(_, last)| last)
    }

    /// The known percentiles with their values.
    #[cfg(test)]
    pub fn known(&self) -> impl Iterator<Item = (u32, u64)> {
        self.0.iter().copied()
    }
}

impl Local {
    /// The price at this percentile of the real deals, in whole units of this currency.
    #[must_use]
    pub fn price(self, rank: u32) -> u64 {
        self.rounded(PRICE_CENTS.at(rank) * self.per_hundred_dollars / 100, 100)
    }

    /// The face value for this price, with the discount at this percentile of the real deals.
    #[must_use]
    pub fn face_value(self, price: u64, discount_rank: u32) -> u64 {
        let kept_permille = 1_000 - DISCOUNT_PERMILLE.at(discount_rank);
        self.rounded(price * 1_000, kept_permille)
    }

    /// The fraction `over / under`, rounded to the nearest multiple of the step, at least one step.
    fn rounded(self, over: u64, under: u64) -> u64 {
        let steps = (over + under * self.step / 2) / (under * self.step);
        steps.max(1) * self.step
    }
}
