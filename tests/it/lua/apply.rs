use chrono::TimeDelta;
use futures_util::StreamExt;
use muster::domain::{AccountId, DealId, DealState, Progress, Refusal};
use muster::quota::{Answer, Begun, BuyerUnits, Change};
use redis::AsyncCommands;

use super::harness::{now, snapshot};
use super::{Harness, new_buyer, new_deal, open, request};
use crate::support::permutations::permutations;

/// Six commits of one deal (joins, a second signup, a leave, and the tip), each with its range of revs.
fn commits(deal: DealId, people: &[AccountId]) -> Vec<Change> {
    let of = |buyer: usize, units, rev| BuyerUnits { buyer: people[buyer], units, rev };
    let steps: [(i64, i64, DealState, u32, u32, Vec<BuyerUnits>); 6] = [
        (1, 3, DealState::Open, 2, 3, vec![of(0, 1, 2), of(1, 2, 3)]),
        (3, 4, DealState::Open, 2, 5, vec![of(0, 3, 4)]),
        (4, 5, DealState::Open, 1, 3, vec![of(1, 0, 5)]),
        (5, 7, DealState::Open, 3, 6, vec![of(2, 1, 6), of(3, 2, 7)]),
        (7, 8, DealState::Open, 4, 7, vec![of(1, 1, 8)]),
        (8, 9, DealState::Tipped, 5, 8, vec![of(4, 1, 9)]),
    ];
    let change = |(rev_before, rev, state, buyers, units, changed)| Change {
        progress: Progress { rev, state, buyers, units, tipping_point: 5, ..open(deal) },
        opens_at: snapshot(open(deal)).opens_at,
        rev_before,
        done: Vec::new(),
        buyers: changed,
    };
    steps.into_iter().map(change).collect()
}

#[tokio::test]
async fn commits_applied_in_any_order_and_repeatedly_end_in_the_same_state() {
    let harness = Harness::start().await;
    let people: Vec<_> = (0..5).map(|_| new_buyer()).collect();
    let mut ends = std::collections::HashSet::new();
    for order in permutations(6) {
        let deal = new_deal();
        harness.load(Progress { tipping_point: 5, ..open(deal) }, &[]).await;
        let commits = commits(deal, &people);
        for &n in &order {
            harness.quota.apply(&commits[n]).await.unwrap();
        }
        // The first two of this order are applied once more, late.
        for &n in &order[..2] {
            assert_eq!(harness.quota.apply(&commits[n]).await.unwrap(), muster::quota::Applied::Same, "{order:?}");
        }
        ends.insert(harness.dump(deal).await);
    }
    assert_eq!(ends.len(), 1, "{ends:#?}");
    let end = ends.into_iter().next().unwrap();
    for field in [r#""rev": "9""#, r#""applied": "9""#, r#""state": "tipped""#, r#""units": "8""#, r#""buyers": "5""#] {
        assert!(end.contains(field), "{field} in {end}");
    }
    assert!(
        end.contains(&format!(r#""{}": "1 8""#, people[1])),
        "a buyer who left and rejoined has the newest units: {end}"
    );
}

#[tokio::test]
async fn a_gap_in_the_versions_stays_until_it_is_filled() {
    let harness = Harness::start().await;
    let (deal, people) = (new_deal(), [0; 5].map(|_| new_buyer()));
    harness.load(Progress { tipping_point: 5, ..open(deal) }, &[]).await;
    let commits = commits(deal, &people);
    for (n, applied) in [(1, 1), (5, 1), (0, 4), (3, 4), (4, 4), (2, 9)] {
        harness.quota.apply(&commits[n]).await.unwrap();
        let known = harness.quota.figures(&[deal]).await.unwrap()[&deal];
        assert_eq!(known.applied, applied, "after commit {n}");
    }
}

#[tokio::test]
async fn newer_figures_are_published_once_and_older_ones_never() {
    let harness = Harness::start().await;
    let (deal, people) = (new_deal(), [0; 5].map(|_| new_buyer()));
    harness.load(Progress { tipping_point: 5, ..open(deal) }, &[]).await;
    let commits = commits(deal, &people);
    let mut bus = harness.bus(deal).await;
    for n in [1, 1, 0, 3, 2, 5, 5] {
        harness.quota.apply(&commits[n]).await.unwrap();
    }
    // This message is the last, so every earlier one has been received before it.
    let last = Progress { rev: 10, ..commits[5].progress };
    assert_eq!(harness.apply(last, 9, &[], &[]).await, "newer");
    let mut revs = Vec::new();
    let mut messages = bus.on_message();
    while revs.last() != Some(&10) {
        let message = messages.next().await.unwrap();
        let progress: Progress = serde_json::from_slice(message.get_payload_bytes()).unwrap();
        assert_eq!(progress.deal, deal);
        revs.push(progress.rev);
    }
    assert_eq!(revs, [4, 7, 9, 10]);
}

#[tokio::test]
async fn older_figures_still_bring_newer_buyers() {
    let harness = Harness::start().await;
    let (deal, early) = (new_deal(), new_buyer());
    harness.load(open(deal), &[]).await;
    assert_eq!(harness.apply(Progress { rev: 9, units: 8, ..open(deal) }, 8, &[], &[]).await, "newer");
    let buyer = BuyerUnits { buyer: early, units: 1, rev: 2 };
    assert_eq!(harness.apply(Progress { rev: 2, units: 1, ..open(deal) }, 1, &[], &[buyer]).await, "same");
    assert_eq!(harness.quota.buyers(deal).await.unwrap()[&early], 1);
    assert_eq!(harness.quota.figures(&[deal]).await.unwrap()[&deal].units, 8);
}

#[tokio::test]
async fn only_a_load_creates_the_key_but_finished_holds_are_always_dropped() {
    let harness = Harness::start().await;
    let deal = new_deal();
    harness.load(open(deal), &[]).await;
    let [done, other] = [request(deal, new_buyer(), 2), request(deal, new_buyer(), 1)];
    harness.admit(&[done, other]).await;
    let () = harness.redis.clone().del(harness.keys.quota(deal)).await.unwrap();
    let () = harness.redis.clone().del(harness.keys.buyers(deal)).await.unwrap();
    let buyer = BuyerUnits { buyer: done.buyer, units: 2, rev: 2 };
    assert_eq!(harness.apply(Progress { rev: 2, ..open(deal) }, 1, &[done.id], &[buyer]).await, "missing");
    assert_eq!(harness.holds(deal).await.units, 1);
    assert!(harness.must_be_loaded(deal).await);
    assert!(harness.quota.buyers(deal).await.unwrap().is_empty(), "a deal that is not loaded has no buyers");
}

#[tokio::test]
async fn a_change_of_an_older_epoch_only_drops_its_holds() {
    let harness = Harness::start().await;
    let deal = new_deal();
    harness.load(Progress { epoch: 3, rev: 4, ..open(deal) }, &[]).await;
    let done = request(deal, new_buyer(), 1);
    let untouched = harness.dump(deal).await;
    harness.admit_one(done).await;
    let buyer = BuyerUnits { buyer: done.buyer, units: 1, rev: 9 };
    let lost = Progress { epoch: 2, rev: 9, units: 7, ..open(deal) };
    assert_eq!(harness.apply(lost, 4, &[done.id], &[buyer]).await, "stale");
    let sums_of_nothing = untouched.replace(r"held {}", r#"held {"=new": "0", "=units": "0"}"#);
    assert_eq!(harness.dump(deal).await, sums_of_nothing);
}

#[tokio::test]
async fn a_newer_epoch_is_published_immediately_and_the_deal_reloaded() {
    let harness = Harness::start().await;
    let (deal, lost) = (new_deal(), new_buyer());
    harness.load(Progress { rev: 9, units: 1, ..open(deal) }, &[BuyerUnits { buyer: lost, units: 1, rev: 9 }]).await;
    let mut bus = harness.bus(deal).await;
    let truth = Progress { epoch: 2, rev: 3, ..open(deal) };
    assert_eq!(harness.apply(truth, 2, &[], &[]).await, "missing");
    let message = bus.on_message().next().await.unwrap();
    assert_eq!(serde_json::from_slice::<Progress>(message.get_payload_bytes()).unwrap(), truth);
    assert!(harness.must_be_loaded(deal).await);
    harness.load(truth, &[]).await;
    assert!(harness.quota.buyers(deal).await.unwrap().is_empty(), "the buyer of the lost commit is removed");
    assert_eq!(harness.apply(Progress { rev: 10, ..open(deal) }, 9, &[], &[]).await, "stale");
}

#[tokio::test]
async fn commits_of_two_epochs_in_any_order_never_leave_figures_of_the_older_one() {
    let harness = Harness::start().await;
    for order in permutations(5) {
        let deal = new_deal();
        harness.load(open(deal), &[]).await;
        for &n in &order {
            let (epoch, rev) = [(1, 2), (1, 3), (2, 2), (2, 3), (1, 4)][n];
            harness.apply(Progress { epoch, rev, ..open(deal) }, rev - 1, &[], &[]).await;
        }
        assert!(harness.must_be_loaded(deal).await, "{order:?}");
    }
}

#[tokio::test]
async fn changes_applied_during_a_load_are_kept() {
    let harness = Harness::start().await;
    let deal = new_deal();
    let Begun::Begun(load) = harness.quota.begin_load(deal).await.unwrap() else { panic!("not begun") };
    let buyer = BuyerUnits { buyer: new_buyer(), units: 1, rev: 3 };
    assert_eq!(harness.apply(Progress { rev: 3, units: 5, ..open(deal) }, 2, &[], &[buyer]).await, "newer");
    load.finish(&snapshot(Progress { rev: 2, units: 4, ..open(deal) })).await.unwrap().unwrap();
    let known = harness.quota.figures(&[deal]).await.unwrap()[&deal];
    assert_eq!((known.rev, known.units, known.applied), (3, 5, 3));
    assert_eq!(harness.quota.buyers(deal).await.unwrap()[&buyer.buyer], 1);
}

#[tokio::test]
async fn admission_follows_the_applied_figures() {
    let harness = Harness::start().await;
    let deal = new_deal();
    harness.load(open(deal), &[]).await;
    let joining = request(deal, new_buyer(), 1);
    assert_eq!(harness.admit_one(joining).await, Answer::Admitted);
    let full = Progress { rev: 2, state: DealState::Tipped, buyers: 50, units: 100, ..open(deal) };
    assert_eq!(harness.apply(full, 1, &[], &[]).await, "newer");
    assert_eq!(harness.admit_one(request(deal, new_buyer(), 1)).await, Answer::sold_out(1, 2));
    assert_eq!(
        harness.admit_one(joining).await,
        Answer::Admitted,
        "a join with a hold stays admitted whatever the figures are"
    );
    let left = Progress { rev: 3, units: 99, ..full };
    assert_eq!(harness.apply(left, 2, &[joining.id], &[]).await, "newer");
    assert_eq!(harness.admit_one(request(deal, new_buyer(), 1)).await, Answer::Admitted);
    let late = now() + TimeDelta::days(1);
    assert_eq!(harness.admit_at(&[request(deal, new_buyer(), 1)], late).await, [Answer::refused(Refusal::Closed)]);
}

#[tokio::test]
async fn admission_follows_the_newest_applied_terms() {
    let harness = Harness::start().await;
    let deal = new_deal();
    let at = |rev| Progress { rev, units: 90, ..open(deal) };
    harness.load(at(1), &[]).await;
    assert_eq!(
        harness.admit_one(request(deal, new_buyer(), 3)).await,
        Answer::refused(Refusal::NotEnoughLeft { available: 1 })
    );
    assert_eq!(harness.apply(Progress { tipping_point: 8, ..at(2) }, 1, &[], &[]).await, "newer");
    assert_eq!(harness.admit_one(request(deal, new_buyer(), 3)).await, Answer::Admitted, "fewer buyers are needed");
    assert_eq!(harness.apply(Progress { cap: None, ..at(4) }, 3, &[], &[]).await, "newer");
    assert_eq!(harness.admit_one(request(deal, new_buyer(), 1_000)).await, Answer::Admitted, "the deal has no cap");
    assert_eq!(harness.apply(Progress { cap: Some(91), ..at(3) }, 2, &[], &[]).await, "same");
    assert_eq!(
        harness.admit_one(request(deal, new_buyer(), 1_000)).await,
        Answer::Admitted,
        "an older cap changes nothing"
    );
    assert_eq!(harness.apply(Progress { cap: Some(91), ..at(5) }, 4, &[], &[]).await, "newer");
    assert_eq!(
        harness.admit_one(request(deal, new_buyer(), 2)).await,
        Answer::refused(Refusal::NotEnoughLeft { available: 0 }),
        "the deal has a cap again"
    );
    let opens_at = now() + TimeDelta::minutes(30);
    let later = Change { progress: at(6), opens_at, rev_before: 5, done: Vec::new(), buyers: Vec::new() };
    harness.quota.apply(&later).await.unwrap();
    assert_eq!(
        harness.admit_one(request(deal, new_buyer(), 1)).await,
        Answer::refused(Refusal::NotOpen),
        "the deal opens later"
    );
}

#[tokio::test]
async fn a_later_closing_time_extends_the_ttl_of_all_the_deals_keys() {
    let harness = Harness::start().await;
    let (deal, ann) = (new_deal(), BuyerUnits { buyer: new_buyer(), units: 1, rev: 1 });
    harness.load(open(deal), &[ann]).await;
    // Leave a gap, so that the key of the ranges exists.
    harness.apply(Progress { rev: 5, ..open(deal) }, 4, &[], &[]).await;
    let before = harness.ttl_ms(harness.keys.quota(deal)).await;
    let hours = |n: i64| Progress { closes_at: open(deal).closes_at + TimeDelta::hours(n), ..open(deal) };
    for (rev, closes, stays) in [(7, 24, 24), (6, 1, 24), (8, 24, 24), (9, 25, 25)] {
        harness.apply(Progress { rev, ..hours(closes) }, rev - 1, &[], &[]).await;
        let later = stays * 3_600_000;
        // Read the quota last: a TTL that is read later is shorter.
        let buyers = harness.ttl_ms(harness.keys.buyers(deal)).await - later;
        let ranges = harness.ttl_ms(harness.keys.ranges(deal)).await - later;
        let quota = harness.ttl_ms(harness.keys.quota(deal)).await - later;
        assert!((before - 60_000..=before).contains(&quota), "after {rev}: {quota} instead of {before}");
        for part in [buyers, ranges] {
            assert!((quota + 1_000..=before + 1_000).contains(&part), "after {rev}: {part} after {quota}");
        }
    }
    let late = now() + TimeDelta::hours(25);
    assert_eq!(harness.admit_at(&[request(deal, ann.buyer, 1)], late).await, [Answer::Admitted]);
}

#[tokio::test]
async fn buyers_and_ranges_expire_soon_after_the_quota() {
    let harness = Harness::start().await;
    let deal = new_deal();
    harness.load(open(deal), &[]).await;
    // Leave a gap, so that the key of the ranges exists, and add a buyer, so that the key of the buyers exists.
    let buyer = BuyerUnits { buyer: new_buyer(), units: 1, rev: 5 };
    harness.apply(Progress { rev: 5, ..open(deal) }, 4, &[], &[buyer]).await;
    let mut redis = harness.redis.clone();
    let expires_in: i64 = redis.pttl(harness.keys.quota(deal)).await.unwrap();
    for key in [harness.keys.buyers(deal), harness.keys.ranges(deal)] {
        let later: i64 = redis.pttl(&key).await.unwrap();
        assert!(later > expires_in && later <= expires_in + 1_000, "{key}: {later} after {expires_in}");
    }
}
