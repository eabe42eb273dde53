//! Compares a deal in Redis with the deal in Postgres.

use std::fmt;

use chrono::DateTime;

use super::inspector::{HoldsSeen, QuotaInRedis};
use super::suspicion::{Subject, Suspicion};
use crate::domain::{DealId, DealState};
use crate::store::LoadSnapshot;

/// How much longer than its TTL a hold may last, to allow for clock changes and rounding.
const HOLD_SLACK_MS: i64 = 5_000;

/// Q1: compares the figures, terms and buyers of a deal. `behind` is as for [`super::inspect_deal`].
pub(super) fn compare(
    deal: DealId,
    quota: &QuotaInRedis,
    truth: Option<&LoadSnapshot>,
    behind: Option<(i64, i64)>,
    found: &mut Vec<Suspicion>,
) {
    let known = (quota.epoch, quota.rev.min(quota.applied));
    let Some(truth) = truth else {
        return found.push(Suspicion::of(deal, Subject::Ahead, "nothing of a draft", version(known)));
    };
    let now = truth.progress.version();
    if (quota.epoch, quota.rev.max(quota.applied)) > now {
        let most = (quota.epoch, quota.rev.max(quota.applied));
        found.push(Suspicion::of(deal, Subject::Ahead, format!("at most {}", version(now)), version(most)));
    }
    let floor = behind.unwrap_or(now);
    if known < floor {
        let subject = Subject::Behind(floor.0, floor.1);
        found.push(Suspicion::of(deal, subject, format!("at least {}", version(floor)), version(known)));
    }
    if quota.epoch != now.0 {
        return;
    }
    let (in_redis, in_postgres) = (AdmissionFields::of_redis(quota), AdmissionFields::of_postgres(truth));
    if quota.rev == now.1 && in_redis != in_postgres {
        found.push(Suspicion::of(deal, Subject::Figures, in_postgres.to_string(), in_redis.to_string()));
    }
    compare_buyers(deal, quota, truth, found);
}

fn compare_buyers(deal: DealId, quota: &QuotaInRedis, truth: &LoadSnapshot, found: &mut Vec<Suspicion>) {
    let mut unknown = quota.buyers.clone();
    for &(buyer, units, rev) in &truth.buyers {
        let known = unknown.remove(&buyer);
        let agrees = match known {
            Some((known_units, known_rev)) if known_rev == rev => known_units == units,
            Some((_, known_rev)) if known_rev > rev => false,
            // `applied` does not cover this change yet, so an older entry or none is correct.
            _ => rev > quota.applied,
        };
        if !agrees {
            let describe = |(units, rev)| format!("{units} units of rev {rev}");
            let found_units = known.map_or("none".to_owned(), describe);
            let expected = format!("{} of buyer {buyer}", describe((units, rev)));
            found.push(Suspicion::of(deal, Subject::Buyer(buyer), expected, found_units));
        }
    }
    for (buyer, (units, _)) in unknown {
        let expected = format!("nothing of buyer {buyer}");
        found.push(Suspicion::of(deal, Subject::Buyer(buyer), expected, format!("{units} units")));
    }
}

/// Q2: checks the holds of a deal that is at version `at`.
pub(super) fn judge_holds(
    deal: DealId,
    seen: &HoldsSeen,
    ttl_ms: i64,
    at: Option<(i64, i64)>,
    found: &mut Vec<Suspicion>,
) {
    let parts = seen.holds.values().fold((0, 0), |(units, new), hold| (units + hold.units, new + hold.new));
    let describe = |(units, new)| format!("{units} units and {new} new buyers held");
    if (seen.sum_units, seen.sum_new) != parts {
        found.push(Suspicion::of(deal, Subject::Sums, describe(parts), describe((seen.sum_units, seen.sum_new))));
    }
    if !seen.keys_expire {
        let subject = Subject::Endless(String::new());
        found.push(Suspicion::of(deal, subject, "holds whose keys end", "keys that stay forever"));
    }
    for (signup, hold) in &seen.holds {
        match hold.ends_ms {
            Some(ends_ms) if ends_ms <= seen.now_ms => {}
            Some(ends_ms) if ends_ms <= seen.now_ms + ttl_ms + HOLD_SLACK_MS => {
                let expected = "nothing held while nobody joins".to_owned();
                let held = format!("{} units for signup {signup}", hold.units);
                found.push(Suspicion::of(deal, Subject::Held(signup.clone(), at), expected, held));
            }
            ends_ms => {
                let expected = format!("signup {signup} held for at most {ttl_ms} ms");
                let held = ends_ms.map_or("forever".to_owned(), |ends_ms| format!("for {} ms", ends_ms - seen.now_ms));
                found.push(Suspicion::of(deal, Subject::Endless(signup.clone()), expected, held));
            }
        }
    }
}

fn version((epoch, rev): (i64, i64)) -> String {
    format!("rev {rev} of epoch {epoch}")
}

/// Every field of a deal that admission reads.
#[derive(PartialEq, Eq)]
struct AdmissionFields {
    state: DealState,
    buyers: u32,
    units: u32,
    tipping_point: u32,
    cap: Option<u32>,
    opens_ms: i64,
    closes_ms: i64,
}

impl AdmissionFields {
    const fn of_redis(quota: &QuotaInRedis) -> Self {
        Self {
            state: quota.state,
            buyers: quota.buyer_count,
            units: quota.units,
            tipping_point: quota.tipping_point,
            cap: quota.cap,
            opens_ms: quota.opens_ms,
            closes_ms: quota.closes_ms,
        }
    }

    const fn of_postgres(truth: &LoadSnapshot) -> Self {
        let progress = &truth.progress;
        Self {
            state: progress.state,
            buyers: progress.buyers,
            units: progress.units,
            tipping_point: progress.tipping_point,
            cap: progress.cap,
            opens_ms: truth.opens_at.timestamp_millis(),
            closes_ms: progress.closes_at.timestamp_millis(),
        }
    }
}

impl fmt::Display for AdmissionFields {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { state, buyers, units, tipping_point, cap, opens_ms, closes_ms } = self;
        let cap = cap.map_or("no cap".to_owned(), |cap| format!("a cap of {cap}"));
        let at = |ms: i64| DateTime::from_timestamp_millis(ms).map_or(ms.to_string(), |at| at.to_rfc3339());
        let window = format!("a window from {} to {}", at(*opens_ms), at(*closes_ms));
        let state = state.as_str();
        write!(to, "{state}, {buyers} buyers, {units} units, a tipping point of {tipping_point}, {cap}, {window}")
    }
}
