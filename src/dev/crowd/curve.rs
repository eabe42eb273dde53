//! Generates a campaign with the shape of recorded ones.

use std::time::Duration;

use super::arrivals::{Arrivals, Sample};

/// The campaign lasts 30 days, as most campaigns do, with a sample every hour.
const HOURS: u32 = 30 * 24;
const HOUR: Duration = Duration::from_hours(1);
const PER_MILLE: u64 = 1_000;

/// The cumulative curve of arrivals: thousandths of the time, and thousandths of the buyers who have joined by that
/// time. Values in between are interpolated linearly.
///
/// The curve is the mean of four crowdfunding campaigns with 10,800 to 15,700 backers. 7 % join in the first second and
/// a third within the first sixth of the time. A slow middle follows, and 13 % join in the last twentieth.
const SHAPE: [(u64, u64); 18] = [
    (0, 70),
    (5, 98),
    (10, 123),
    (20, 157),
    (50, 235),
    (100, 300),
    (200, 361),
    (300, 413),
    (400, 465),
    (500, 514),
    (600, 574),
    (700, 641),
    (800, 725),
    (900, 811),
    (950, 870),
    (980, 930),
    (990, 963),
    (1_000, 1_000),
];

impl Arrivals {
    /// A generated campaign that ends with this many buyers.
    #[must_use]
    pub fn generated(joins: u32) -> Self {
        let sample = |hour: u32| Sample { at: HOUR * hour, joined: part(joins, hour.into()) };
        Self::of(part(joins, 0), (1..=HOURS).map(sample))
    }
}

/// The number of buyers who have joined by this hour.
fn part(joins: u32, hour: u64) -> u32 {
    let hours = u64::from(HOURS);
    let segments = SHAPE.iter().zip(SHAPE.iter().skip(1));
    let joined = segments
        .filter(|((from, _), _)| hour * PER_MILLE >= from * hours)
        .map(|((from, part), (to, next))| {
            // Both in thousandths of an hour, so that the only division is the last step.
            let (passed, whole) = (hour * PER_MILLE - from * hours, (to - from) * hours);
            u64::from(joins) * (part * whole + (next - part) * passed.min(whole)) / (whole * PER_MILLE)
        })
        .next_back();
    u32::try_from(joined.unwrap_or(0)).unwrap_or(joins)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_generated_campaign_starts_fast_slows_down_and_ends_in_a_rush() {
        let arrivals = Arrivals::generated(10_000);
        let at = |hour: usize| arrivals.samples()[hour].joined;
        assert_eq!((at(0), at(360), at(720)), (700, 5_140, 10_000));
        let (first_day, middle_day, last_day) = (at(24) - at(0), at(372) - at(348), at(720) - at(696));
        assert!(first_day > 5 * middle_day && last_day > 4 * middle_day, "{first_day} {middle_day} {last_day}");
    }

    proptest! {
        #[test]
        fn a_generated_campaign_never_falls_and_ends_with_all_buyers(joins in 0_u32..200_000) {
            let arrivals = Arrivals::generated(joins);
            prop_assert_eq!(arrivals.at_the_end(), joins);
            prop_assert!(arrivals.samples().is_sorted_by_key(|sample| sample.joined));
        }
    }
}
