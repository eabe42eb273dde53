use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::{PlannedBuyer, plan};
use crate::dev::samples::{DemoBuyer, Sample, Stage, all};

fn now() -> DateTime<Utc> {
    "2026-11-22T08:17:23Z".parse().unwrap()
}

fn each(check: impl Fn(&Sample, super::Plan)) {
    for sample in all() {
        check(sample, plan(sample, now()).unwrap());
    }
}

#[test]
fn every_sample_obeys_the_rules_of_a_deal_at_any_hour() {
    for hour in 0..48 {
        for sample in all() {
            plan(sample, now() + TimeDelta::hours(hour)).unwrap();
        }
    }
}

#[test]
fn the_number_of_buyers_fits_the_state_of_the_sample() {
    each(|sample, plan| {
        let (buyers, point) = (u32::try_from(plan.signups.len()).unwrap(), plan.terms.tipping_point);
        let units: u32 = plan.signups.iter().map(|signup| signup.units).sum();
        let name = sample.name;
        match sample.stage {
            Stage::Draft | Stage::OpensLater => assert_eq!(buyers, 0, "{name}"),
            Stage::Open { joined_percent: 80.. } => assert!(buyers < point && buyers * 5 >= point * 4, "{name}"),
            Stage::Open { .. } => assert!(buyers > 0 && buyers * 5 < point * 4, "{name}"),
            Stage::Showcase { joined } => assert_eq!(buyers, joined, "{name}"),
            Stage::Failed { .. } | Stage::Withdrawn { .. } => assert!(buyers > 0 && buyers < point, "{name}"),
            Stage::On { .. } | Stage::Succeeded { .. } => {
                assert!(buyers >= point && plan.terms.cap.is_none_or(|cap| units < cap), "{name}");
            }
            Stage::SoldOut => assert!(buyers >= point && plan.terms.cap == Some(units), "{name}"),
        }
    });
}

#[test]
fn nobody_joins_a_deal_twice() {
    each(|sample, plan| {
        let everybody: Vec<_> = plan.signups.iter().chain(&plan.leavers).map(|signup| signup.buyer).collect();
        let different: HashSet<_> = everybody.iter().map(|buyer| format!("{buyer:?}")).collect();
        assert_eq!(different.len(), everybody.len(), "{}", sample.name);
    });
}

#[test]
fn the_deal_can_tip_whatever_the_order_of_the_joins() {
    each(|sample, plan| {
        let Some(cap) = plan.terms.cap else { return };
        let mut units: Vec<u32> = plan.signups.iter().map(|signup| signup.units).collect();
        units.sort_unstable_by(|a, b| b.cmp(a));
        let mut taken = 0;
        for (place, units) in (1..=plan.terms.tipping_point).zip(units) {
            taken += units;
            assert!(cap - taken >= plan.terms.tipping_point - place, "{} with {place} buyers", sample.name);
        }
    });
}

#[test]
fn the_demo_buyer_joins_or_leaves_as_the_sample_says() {
    each(|sample, plan| {
        let joins = |of: &[super::PlannedSignup]| of.iter().filter(|s| s.buyer == PlannedBuyer::Demo).count();
        let expected = match sample.demo_buyer {
            DemoBuyer::Absent => (0, 0),
            DemoBuyer::Joined(_) => (1, 0),
            DemoBuyer::Left => (0, 1),
        };
        assert_eq!((joins(&plan.signups), joins(&plan.leavers)), expected, "{}", sample.name);
    });
}

#[test]
fn the_history_is_in_the_past_and_in_chronological_order() {
    each(|sample, plan| {
        let (history, name) = (&plan.history, sample.name);
        if sample.stage == Stage::Draft {
            return;
        }
        assert!(history.created_at < history.published_at && history.published_at < now(), "{name}");
        assert!(history.joined_until < now(), "{name}");
        if !plan.signups.is_empty() {
            assert!(plan.terms.opens_at < history.joined_until, "{name}");
        }
        let ends = matches!(sample.stage, Stage::Succeeded { .. } | Stage::Failed { .. } | Stage::Withdrawn { .. });
        assert_eq!(history.ended_at.is_some(), ends, "{name}");
        assert!(history.ended_at.is_none_or(|ended| history.joined_until < ended && ended < now()), "{name}");
        assert!(history.closed_at.is_none_or(|closed| history.joined_until < closed && closed < now()), "{name}");
    });
}
