//! The limit on frames per second: the latest frame is always sent in the end. Tests pass the time as an
//! argument instead of waiting.

use std::time::Duration;

use muster::config::LiveConfig;
use muster::domain::{DealId, Progress};
use muster::live::Subscription;
use muster::live::throttle::{Schedule, Throttle};
use muster::live::token_bucket::TokenBucket;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use tokio::time::Instant;

use crate::support::rng::seed;

use super::feed::{Feed, hub, pending_version, progress, throttled};

const PERIOD: Duration = Duration::from_millis(100);

#[test]
fn the_first_change_is_sent_immediately_and_later_ones_when_the_period_ends() {
    let start = Instant::now();
    let mut throttle = Throttle::new(PERIOD);
    assert_eq!(throttle.record_change(start), Schedule::Now);
    assert_eq!(throttle.record_change(start + PERIOD / 4), Schedule::At(start + PERIOD));
    assert_eq!(throttle.record_change(start + PERIOD / 2), Schedule::AlreadyScheduled);
    assert!(!throttle.take_due(start + PERIOD / 2));
    assert!(throttle.take_due(start + PERIOD));
    assert!(!throttle.take_due(start + PERIOD), "the frame was already sent");
    assert_eq!(throttle.record_change(start + PERIOD * 3), Schedule::Now);
}

#[test]
fn a_thousand_changes_in_a_second_make_ten_frames_ending_with_the_latest() {
    let hub = hub(throttled());
    let deal = DealId::generate();
    let mut watcher = hub.subscribe(deal);
    let start = Instant::now();
    let mut seen = Vec::new();
    for ms in 0..1_000_i64 {
        let now = start + Duration::from_millis(ms.unsigned_abs());
        hub.offer_at(progress(deal, ms + 1), now);
        hub.send_due(now);
        seen.extend(pending_version(&mut watcher));
    }
    assert_eq!(seen.len(), 10, "{seen:?}");
    assert_eq!(seen.first(), Some(&(1, 1)));
    hub.send_due(start + Duration::from_secs(2));
    assert_eq!(pending_version(&mut watcher), Some((1, 1_000)));
}

#[test]
fn the_more_watchers_a_deal_has_the_fewer_frames_each_gets() {
    let hub = hub(LiveConfig { fan_out_per_second_max: 1_000, ..throttled() });
    let deal = DealId::generate();
    let start = Instant::now();
    let frames_in_a_second = |watchers: &mut [Subscription], from: i64| {
        let mut seen = 0;
        for ms in from..from + 1_000 {
            let now = start + Duration::from_millis(ms.unsigned_abs());
            hub.offer_at(progress(deal, ms + 1), now);
            hub.send_due(now);
            seen += watchers.iter_mut().filter_map(pending_version).count();
        }
        seen / watchers.len()
    };
    // New watchers get the latest frame immediately.
    let newcomers = |watchers: &mut [Subscription]| watchers.iter_mut().filter_map(pending_version).count();
    let mut watchers: Vec<_> = (0..100).map(|_| hub.subscribe(deal)).collect();
    assert_eq!(frames_in_a_second(&mut watchers, 0), 10);
    watchers.extend((0..400).map(|_| hub.subscribe(deal)));
    assert_eq!(newcomers(&mut watchers), 400);
    assert_eq!(frames_in_a_second(&mut watchers, 10_000), 2);
    watchers.extend((0..2_500).map(|_| hub.subscribe(deal)));
    assert_eq!(newcomers(&mut watchers), 2_500);
    assert_eq!(frames_in_a_second(&mut watchers, 20_000), 1, "each watcher gets at least one frame per second");
}

#[test]
fn a_scheduled_frame_is_sent_even_if_the_period_grows() {
    let hub = hub(LiveConfig { fan_out_per_second_max: 1_000, ..throttled() });
    let deal = DealId::generate();
    let mut watcher = hub.subscribe(deal);
    let start = Instant::now();
    hub.offer_at(progress(deal, 1), start);
    hub.offer_at(progress(deal, 2), start + PERIOD / 4);
    let _newcomers: Vec<_> = (0..499).map(|_| hub.subscribe(deal)).collect();
    hub.offer_at(progress(deal, 3), start + PERIOD / 2);
    hub.send_due(start + PERIOD);
    assert_eq!(pending_version(&mut watcher), Some((1, 3)));
}

#[test]
fn each_deal_is_throttled_independently() {
    let hub = hub(throttled());
    let deals = [DealId::generate(), DealId::generate()];
    let mut watchers = deals.map(|deal| hub.subscribe(deal));
    let start = Instant::now();
    for (place, deal) in (0..).zip(deals) {
        let now = start + PERIOD / 2 * place;
        hub.offer_at(progress(deal, 1), now);
        hub.offer_at(progress(deal, 2), now);
    }
    assert_eq!(watchers.each_mut().map(pending_version), [Some((1, 1)), Some((1, 1))]);
    hub.send_due(start + PERIOD);
    assert_eq!(watchers.each_mut().map(pending_version), [Some((1, 2)), None]);
    hub.send_due(start + PERIOD * 2);
    assert_eq!(watchers.each_mut().map(pending_version), [None, Some((1, 2))]);
}

#[actix_web::test]
async fn a_rush_is_throttled_and_ends_with_the_latest_frame() {
    let feed = Feed::start(throttled());
    let deal = DealId::generate();
    let mut client = feed.watch(&[deal]).await;
    let start = Instant::now();
    let hub = feed.hub.clone();
    let rush = tokio::spawn(async move {
        for rev in 1..=2_000 {
            hub.offer(progress(deal, rev));
            tokio::task::yield_now().await;
        }
    });
    let seen = client.revs_until(2_000).await;
    rush.await.unwrap();
    let periods = start.elapsed().as_millis() / PERIOD.as_millis();
    assert!(seen.len() as u128 <= periods + 2, "{} frames in {periods} periods", seen.len());
    assert!(seen.is_sorted());
}

#[test]
fn a_token_bucket_allows_its_burst_and_then_its_rate() {
    let start = Instant::now();
    let mut bucket = TokenBucket::new(20, 2, start);
    assert!((0..20).all(|_| bucket.take(1, start)));
    assert!(!bucket.take(1, start));
    assert!(!bucket.take(1, start + Duration::from_millis(499)));
    assert!(bucket.take(1, start + Duration::from_millis(500)));
    assert!(!bucket.take(21, start + Duration::from_secs(1_000)), "the bucket never holds more than the burst");
    assert!(bucket.take(20, start + Duration::from_secs(1_000)));
}

/// An event at a hub.
#[derive(Clone, Debug)]
enum Event {
    Offer { epoch: i64, rev: i64 },
    Pass { ms: u64 },
    Take,
    Newcomer,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (1..3_i64, 1..40_i64).prop_map(|(epoch, rev)| Event::Offer { epoch, rev }),
        2 => (0..250_u64).prop_map(|ms| Event::Pass { ms }),
        3 => Just(Event::Take),
        1 => Just(Event::Newcomer),
    ]
}

proptest! {
    #![proptest_config(Config { rng_seed: RngSeed::Fixed(seed()), ..Config::default() })]

    #[test]
    fn watchers_only_move_forward_and_end_with_the_newest_despite_loss_and_reordering(
        events in prop::collection::vec(event(), 0..120)
    ) {
        let hub = hub(throttled());
        let deal = DealId::generate();
        let mut now = Instant::now();
        let mut newest = None;
        let mut watchers = vec![(hub.subscribe(deal), Vec::new())];
        for event in events {
            match event {
                Event::Offer { epoch, rev } => {
                    newest = newest.max(Some((epoch, rev)));
                    hub.offer_at(Progress { epoch, ..progress(deal, rev) }, now);
                }
                Event::Pass { ms } => {
                    now += Duration::from_millis(ms);
                    hub.send_due(now);
                }
                Event::Take => watchers.iter_mut().for_each(|(watcher, seen)| seen.extend(pending_version(watcher))),
                Event::Newcomer => watchers.push((hub.subscribe(deal), Vec::new())),
            }
        }
        hub.send_due(now + PERIOD);
        for (mut watcher, mut seen) in watchers {
            seen.extend(pending_version(&mut watcher));
            prop_assert!(seen.is_sorted(), "{:?}", seen);
            prop_assert_eq!(seen.last().copied(), newest);
        }
    }
}
