//! Plans a sample deal: its terms, its signups, and the timestamps of its history. Pure functions.

use chrono::{DateTime, DurationRound, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::buyers::BUYERS;
use super::editions;
use crate::dev::samples::figures::UNITS_SOLD;
use crate::dev::samples::{DemoBuyer, Sample, Size, Stage, Window};
use crate::domain::{Deal, DealState, FieldProblem, Terms, TermsForm};
use crate::store::SampleHistory;

/// Time between creating and publishing in the history of a deal. If the time is shorter, the history has not been
/// written yet.
pub(super) const FROM_DRAFT_TO_PUBLISHED: TimeDelta = TimeDelta::hours(1);

/// Units of consecutive signups. Most buyers take one or two.
const UNITS: [u32; 16] = [1, 1, 2, 1, 1, 2, 1, 1, 3, 1, 2, 1, 1, 2, 1, 4];

/// A showcase deal must stay open at least this long.
const TIME_TO_WATCH: TimeDelta = TimeDelta::hours(6);

/// One signup of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlannedSignup {
    pub(super) buyer: PlannedBuyer,
    pub(super) units: u32,
}

/// The buyer of a planned signup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlannedBuyer {
    /// The demo buyer.
    Demo,
    /// The sample buyer with this number.
    Sample(usize),
}

/// The plan of a sample deal.
#[derive(Debug)]
pub(super) struct Plan {
    /// Terms while buyers join. If the final window is in the past, the deal closes tomorrow instead.
    pub(super) terms: Terms,
    /// Signups that are created first and left again.
    pub(super) leavers: Vec<PlannedSignup>,
    /// Signups that stay.
    pub(super) signups: Vec<PlannedSignup>,
    /// The timestamps to write at the end.
    pub(super) history: SampleHistory,
}

/// Whether an open deal is far enough from its tipping point and its deadline for a developer to watch it tip.
pub(super) fn is_worth_watching(deal: &Deal, now: DateTime<Utc>) -> bool {
    let progress = &deal.progress;
    progress.state == DealState::Open
        && progress.needed() * 2 >= progress.tipping_point
        && progress.closes_at - now >= TIME_TO_WATCH
}

/// Plans a sample deal relative to this moment.
pub(super) fn plan(sample: &Sample, now: DateTime<Utc>) -> Result<Plan, Vec<FieldProblem>> {
    let zone: Tz = sample.shop.time_zone.parse().unwrap_or(Tz::UTC);
    let (opens_at, closes_at) = window(sample.window, zone, now);
    let is_over = closes_at <= now;
    let sells_until = if is_over { now + TimeDelta::days(1) } else { closes_at };
    let coupons_until = evening(zone, closes_at, sample.coupon_days);
    let terms = Terms::parse(&form(sample, (opens_at, sells_until), coupons_until), now)?;
    let (signups, leavers) = signups(sample, &terms);
    let history = history(sample.stage, opens_at, closes_at, now);
    Ok(Plan { terms, leavers, signups, history })
}

fn form(
    sample: &Sample,
    (opens_at, closes_at): (DateTime<Utc>, DateTime<Utc>),
    coupon_expires_at: DateTime<Utc>,
) -> TermsForm {
    let money = sample.shop.money;
    let price = money.price(sample.price_rank);
    let (tipping_point, cap) = sizes(sample.size);
    TermsForm {
        merchant: None,
        title: sample.title.to_owned(),
        description: sample.description.to_owned(),
        price: price.to_string(),
        face_value: money.face_value(price, sample.discount_rank).to_string(),
        currency: money.currency.to_owned(),
        tipping_point: Some(i64::from(tipping_point)),
        cap: cap.map(i64::from),
        per_buyer_max: Some(i64::from(sample.per_buyer_max)),
        opens_at: Some(opens_at),
        closes_at: Some(closes_at),
        time_zone: sample.shop.time_zone.to_owned(),
        coupon_expires_at: Some(coupon_expires_at),
        city: Some(sample.shop.city.to_owned()),
        category: Some(sample.category.to_owned()),
    }
}

/// The tipping point and the cap.
fn sizes(size: Size) -> (u32, Option<u32>) {
    match size {
        Size::Few { tipping_point, cap } => (tipping_point, Some(cap)),
        Size::Like { rank, tips_at_percent, capped } => {
            let units = u32::try_from(UNITS_SOLD.at(rank)).unwrap_or(u32::MAX);
            ((units / 100 * tips_at_percent + units % 100 * tips_at_percent / 100).max(1), capped.then_some(units))
        }
    }
}

fn window(window: Window, zone: Tz, now: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
    match window {
        Window::Days(from, to) => (at(zone, now, from, 9), at(zone, now, to, 20)),
        Window::SinceJustNow { closes_in_days } => {
            let half_hour = TimeDelta::minutes(30);
            let opened = now - TimeDelta::hours(3);
            (opened.duration_trunc(half_hour).unwrap_or(opened), at(zone, now, closes_in_days, 20))
        }
    }
}

/// A full hour on the day that is `days` away, in the shop's time zone.
fn at(zone: Tz, now: DateTime<Utc>, days: i64, hour: u32) -> DateTime<Utc> {
    let day = now.with_timezone(&zone).date_naive() + TimeDelta::days(days);
    let time = day.and_time(NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or(NaiveTime::MIN));
    zone.from_local_datetime(&time).earliest().map_or_else(|| time.and_utc(), |local| local.to_utc())
}

/// 23:59 on the day that is `days` after this moment, in the shop's time zone.
fn evening(zone: Tz, moment: DateTime<Utc>, days: i64) -> DateTime<Utc> {
    at(zone, moment, days, 23) + TimeDelta::minutes(59)
}

/// The signups that stay, and those that are left again.
fn signups(sample: &Sample, terms: &Terms) -> (Vec<PlannedSignup>, Vec<PlannedSignup>) {
    let (buyers, units_max) = wanted(sample.stage, terms);
    // Each deal takes a different range of the sample buyers. The ranges overlap, so some buyers are in several deals.
    let first = editions::derived(&["first buyer", sample.name]).as_u128() % BUYERS as u128;
    let first = usize::try_from(first).unwrap_or(0);
    let sample_buyer = |place: usize| PlannedBuyer::Sample((first + place) % BUYERS);
    let mut units_taken = 0;
    let mut signups = Vec::new();
    for (place, usual) in (0..buyers).zip(UNITS.into_iter().cycle()) {
        let (buyer, wanted_units) = match sample.demo_buyer {
            DemoBuyer::Joined(units) if place == buyers / 3 => (PlannedBuyer::Demo, units),
            _ => (sample_buyer(place), usual),
        };
        let units = wanted_units.min(terms.per_buyer_max).min(units_max - units_taken);
        if units == 0 {
            break;
        }
        units_taken += units;
        signups.push(PlannedSignup { buyer, units });
    }
    // Fewer than the tipping point, because nobody may leave a deal that has tipped.
    let leaving = (buyers / 20).min(4).min(terms.tipping_point.saturating_sub(1) as usize);
    let mut leavers: Vec<PlannedSignup> =
        (0..leaving).map(|place| PlannedSignup { buyer: sample_buyer(signups.len() + place), units: 1 }).collect();
    if sample.demo_buyer == DemoBuyer::Left {
        leavers.push(PlannedSignup { buyer: PlannedBuyer::Demo, units: 1 });
    }
    (signups, leavers)
}

/// The maximum number of buyers who stay, and of their units.
fn wanted(stage: Stage, terms: &Terms) -> (usize, u32) {
    let point = terms.tipping_point;
    let all = terms.cap.unwrap_or(u32::MAX);
    let share = |percent: u32| u32::try_from(u64::from(point) * u64::from(percent) / 100).unwrap_or(point);
    let (buyers, units) = match stage {
        Stage::Draft | Stage::OpensLater => (0, 0),
        Stage::Showcase { joined } => (joined, all),
        Stage::Open { joined_percent } | Stage::Failed { joined_percent } | Stage::Withdrawn { joined_percent, .. } => {
            (share(joined_percent).min(point - 1), all)
        }
        // One unit stays free, so that the deal is not sold out.
        Stage::On { joined_percent } | Stage::Succeeded { joined_percent, .. } => (share(joined_percent), all - 1),
        Stage::SoldOut => (all, all),
    };
    (usize::try_from(buyers).unwrap_or(usize::MAX), units)
}

fn history(stage: Stage, opens_at: DateTime<Utc>, closes_at: DateTime<Utc>, now: DateTime<Utc>) -> SampleHistory {
    let day = TimeDelta::days(1);
    let published_at = match stage {
        Stage::OpensLater => now - day,
        Stage::Showcase { .. } => opens_at,
        _ => opens_at - day,
    };
    let so_far = now - opens_at;
    let joined_until = match stage {
        Stage::Succeeded { .. } | Stage::Failed { .. } => closes_at - TimeDelta::minutes(20),
        Stage::Withdrawn { .. } => opens_at + so_far * 3 / 4,
        Stage::SoldOut => opens_at + so_far / 2,
        _ => now - TimeDelta::minutes(2),
    };
    let ended_at = match stage {
        Stage::Succeeded { .. } | Stage::Failed { .. } => Some(closes_at + TimeDelta::seconds(1)),
        Stage::Withdrawn { .. } => Some(opens_at + so_far * 4 / 5),
        _ => None,
    };
    SampleHistory {
        created_at: published_at - FROM_DRAFT_TO_PUBLISHED * 2,
        published_at,
        joined_until,
        closed_at: (closes_at < now).then_some(closes_at),
        ended_at,
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
