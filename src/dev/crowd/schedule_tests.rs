use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;

fn plan(arrivals: &Arrivals, churn: &str, seed: u64) -> Schedule {
    Schedule::plan(arrivals, churn.parse().unwrap(), &mut StdRng::seed_from_u64(seed))
}

fn counts(step: &Step) -> (i64, i64) {
    let of = |what| i64::try_from(step.events.iter().filter(|event| event.what == what).count()).unwrap();
    (of(What::Join), of(What::Leave))
}

/// Campaigns with rising and falling counts, including zero.
fn campaigns() -> impl Strategy<Value = Arrivals> {
    let later = prop::collection::vec((1_u64..5_000, 0_u32..60), 0..40);
    (0_u32..60, later).prop_map(|(at_start, steps)| {
        let mut at = Duration::ZERO;
        let sample = |(gap, joined)| {
            at += Duration::from_secs(gap);
            Sample { at, joined }
        };
        Arrivals::of(at_start, steps.into_iter().map(sample))
    })
}

fn shares() -> impl Strategy<Value = String> {
    (0_u32..=1_000).prop_map(|thousandths| format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000))
}

#[test]
fn the_first_sample_joins_at_second_0_and_a_falling_count_means_leaves() {
    let arrivals = Arrivals::parse(b"seconds,joined\n0,5\n60,7\n120,4\n").unwrap();
    let schedule = plan(&arrivals, "0", 1);
    assert_eq!(schedule.steps().iter().map(counts).collect::<Vec<_>>(), [(5, 0), (2, 0), (0, 3)]);
    assert!(schedule.steps()[0].events.iter().all(|event| event.at == Duration::ZERO));
}

#[test]
fn churn_is_a_share_of_the_buyers_over_the_whole_campaign() {
    let schedule = plan(&Arrivals::generated(10_000), "0.05", 7);
    assert_eq!((schedule.joins(), schedule.leaves()), (10_500, 500));
    let rushed = plan(&Arrivals::parse(b"seconds,joined\n0,600\n3600,600\n").unwrap(), "0.05", 7);
    assert_eq!(counts(&rushed.steps()[0]), (630, 30), "the first step has churn too");
}

#[test]
fn the_same_seed_gives_the_same_plan() {
    let arrivals = Arrivals::generated(300);
    assert_eq!(plan(&arrivals, "0.1", 3), plan(&arrivals, "0.1", 3));
    assert_ne!(plan(&arrivals, "0.1", 3), plan(&arrivals, "0.1", 4));
}

proptest! {
    #[test]
    fn after_each_step_the_count_equals_the_sample_whatever_the_churn(
        arrivals in campaigns(), churn in shares(), seed: u64,
    ) {
        let schedule = plan(&arrivals, &churn, seed);
        let mut count = 0;
        prop_assert_eq!(schedule.steps().len(), arrivals.samples().len());
        for (step, sample) in schedule.steps().iter().zip(arrivals.samples()) {
            let (joins, leaves) = counts(step);
            count += joins - leaves;
            prop_assert_eq!(count, i64::from(sample.joined));
        }
    }

    #[test]
    fn the_count_never_falls_below_zero(arrivals in campaigns(), churn in shares(), seed: u64) {
        let mut present = 0_i64;
        for event in plan(&arrivals, &churn, seed).steps().iter().flat_map(|step| &step.events) {
            present += if event.what == What::Join { 1 } else { -1 };
            prop_assert!(present >= 0);
        }
    }

    #[test]
    fn events_are_in_order_and_within_their_steps(arrivals in campaigns(), churn in shares(), seed: u64) {
        let schedule = plan(&arrivals, &churn, seed);
        let mut from = None;
        for (step, sample) in schedule.steps().iter().zip(arrivals.samples()) {
            prop_assert!(step.events.is_sorted_by_key(|event| event.at));
            for event in &step.events {
                prop_assert!(event.at <= sample.at && from.is_none_or(|from| event.at > from));
            }
            from = Some(sample.at);
        }
    }
}
