use std::collections::HashSet;

use chrono::TimeDelta;
use muster::domain::{AccountId, DealId, DealState, Progress, Refusal};
use muster::quota::{Answer, Begun, BuyerUnits, Load};
use redis::AsyncCommands;

use super::harness::snapshot;
use super::{Harness, new_buyer, new_deal, open, request};
use crate::support::permutations::permutations;

/// The deal after its first `n` commits: one buyer joins in each.
fn after(deal: DealId, n: usize) -> Progress {
    let joined = u32::try_from(n).unwrap();
    Progress { rev: 1 + i64::from(joined), buyers: joined, units: joined, ..open(deal) }
}

fn joined(people: &[AccountId], n: usize) -> BuyerUnits {
    BuyerUnits { buyer: people[n - 1], units: 1, rev: 1 + i64::try_from(n).unwrap() }
}

/// Three commits are applied at any time, and a load takes its snapshot at any time after it began. In the end Redis
/// has all three commits, without a gap.
#[tokio::test]
async fn a_load_misses_no_concurrent_commit() {
    const BEGIN: usize = 0;
    const BUYERS: usize = 4;
    const FINISH: usize = 5;
    let (harness, people) = (Harness::start().await, [new_buyer(), new_buyer(), new_buyer()]);
    let mut ends = HashSet::new();
    let mut ran = 0;
    for order in permutations(6) {
        let place = |step| order.iter().position(|&n| n == step).unwrap();
        if place(BEGIN) > place(BUYERS) || place(BUYERS) > place(FINISH) {
            continue;
        }
        for in_snapshot in 0..=3 {
            // A change that was applied before the load began was committed before it, so the snapshot contains it.
            if (1..=3).any(|commit| place(commit) < place(BEGIN) && commit > in_snapshot) {
                continue;
            }
            let deal = new_deal();
            let mut load: Option<Load> = None;
            for &step in &order {
                match step {
                    BEGIN => {
                        let Begun::Begun(begun) = harness.quota.begin_load(deal).await.unwrap() else {
                            panic!("not begun")
                        };
                        load = Some(begun);
                    }
                    BUYERS => {
                        let known: Vec<_> = (1..=in_snapshot).map(|n| joined(&people, n)).collect();
                        load.as_ref().unwrap().buyers(&known).await.unwrap().unwrap();
                    }
                    FINISH => {
                        let of = snapshot(after(deal, in_snapshot));
                        load.take().unwrap().finish(&of).await.unwrap().unwrap();
                    }
                    commit => {
                        let before = i64::try_from(commit).unwrap();
                        harness.apply(after(deal, commit), before, &[], &[joined(&people, commit)]).await;
                    }
                }
            }
            let known = harness.quota.figures(&[deal]).await.unwrap()[&deal];
            assert_eq!((known.rev, known.applied, known.units), (4, 4, 3), "{order:?} with {in_snapshot}");
            ends.insert(harness.dump(deal).await);
            ran += 1;
        }
    }
    assert_eq!(ends.len(), 1, "{ends:#?}");
    assert!(ran > 100, "{ran} orders");
}

/// The snapshot is older than a change of the terms that was applied during the load, so figures and terms of the
/// change stay.
#[tokio::test]
async fn a_load_writes_figures_and_terms_together_or_neither() {
    let harness = Harness::start().await;
    let old = Progress { rev: 10, state: DealState::Tipped, buyers: 50, units: 100, ..open(new_deal()) };
    for cap in [Some(200), None] {
        let deal = new_deal();
        let Begun::Begun(load) = harness.quota.begin_load(deal).await.unwrap() else { panic!("not begun") };
        let raised = Progress { deal, rev: 11, cap, closes_at: old.closes_at + TimeDelta::hours(1), ..old };
        harness.apply(raised, 10, &[], &[]).await;
        load.finish(&snapshot(Progress { deal, ..old })).await.unwrap().unwrap();
        assert_eq!(harness.admit_one(request(deal, new_buyer(), 100)).await, Answer::Admitted, "up to {cap:?}");
        let late = old.closes_at + TimeDelta::minutes(30);
        assert_eq!(harness.admit_at(&[request(deal, new_buyer(), 1)], late).await[0], expected_late(cap));
        // The deal closes in two hours, and its keys stay for one hour more.
        let stays = harness.ttl_ms(harness.keys.quota(deal)).await;
        assert!((10_700_000..=10_800_000).contains(&stays), "{stays}");
    }
    // The reverse case: the older change has a cap, and the snapshot has none.
    let deal = new_deal();
    let Begun::Begun(load) = harness.quota.begin_load(deal).await.unwrap() else { panic!("not begun") };
    harness.apply(Progress { deal, ..old }, 9, &[], &[]).await;
    load.finish(&snapshot(Progress { deal, rev: 11, cap: None, ..old })).await.unwrap().unwrap();
    assert_eq!(harness.admit_one(request(deal, new_buyer(), 1_000)).await, Answer::Admitted);
}

/// The earlier request holds all units that a cap leaves.
const fn expected_late(cap: Option<u32>) -> Answer {
    if cap.is_some() { Answer::refused(Refusal::PlacesHeld) } else { Answer::Admitted }
}

#[tokio::test]
async fn finishing_a_load_twice_changes_nothing() {
    let harness = Harness::start().await;
    let deal = new_deal();
    let keys = [harness.keys.quota(deal), harness.keys.buyers(deal), harness.keys.ranges(deal)];
    let all = [keys.as_slice(), &[harness.keys.holds(deal), harness.keys.held(deal)]].concat();
    harness.run("load_begin", &all, &[&harness.run_id, "token", "5000"]).await.unwrap();
    let arguments = ["token", "1", "3", "open", "1", "2", "10", "100", "0", "9999999999999", "60000"];
    harness.run("load_finish", &keys, &arguments).await.unwrap();
    harness.apply(Progress { rev: 4, units: 3, ..open(deal) }, 3, &[], &[]).await;
    let once = harness.dump(deal).await;
    harness.run("load_finish", &keys, &arguments).await.unwrap();
    assert_eq!(harness.dump(deal).await, once, "the later change stays");
}

#[tokio::test]
async fn a_new_epoch_supersedes_a_load() {
    let harness = Harness::start().await;
    for (of_snapshot, during_load) in [(1, 2), (2, 1)] {
        let deal = new_deal();
        let Begun::Begun(load) = harness.quota.begin_load(deal).await.unwrap() else { panic!("not begun") };
        harness.apply(Progress { epoch: during_load, rev: 5, ..open(deal) }, 4, &[], &[]).await;
        let old = snapshot(Progress { epoch: of_snapshot, rev: 9, ..open(deal) });
        assert!(load.finish(&old).await.unwrap().is_err());
        assert!(harness.must_be_loaded(deal).await);
    }
}

#[tokio::test]
async fn a_load_without_its_key_cannot_finish() {
    let harness = Harness::start().await;
    let deal = new_deal();
    let Begun::Begun(load) = harness.quota.begin_load(deal).await.unwrap() else { panic!("not begun") };
    let () = harness.redis.clone().del(harness.keys.quota(deal)).await.unwrap();
    assert!(load.finish(&snapshot(open(deal))).await.unwrap().is_err());
    assert!(harness.must_be_loaded(deal).await);
}

/// An evicting Redis dropped the first chunk, so the second is not enough.
#[tokio::test]
async fn a_load_without_its_buyers_cannot_finish() {
    let harness = Harness::start().await;
    let deal = new_deal();
    let people = [new_buyer(), new_buyer()];
    let Begun::Begun(load) = harness.quota.begin_load(deal).await.unwrap() else { panic!("not begun") };
    load.buyers(&[joined(&people, 1)]).await.unwrap().unwrap();
    let () = harness.redis.clone().del(harness.keys.buyers(deal)).await.unwrap();
    load.buyers(&[joined(&people, 2)]).await.unwrap().unwrap();
    assert!(load.finish(&snapshot(after(deal, 2))).await.unwrap().is_err());
}

#[tokio::test]
async fn a_loaded_deal_expires_an_hour_after_its_window() {
    let harness = Harness::start().await;
    let deal = new_deal();
    harness.load(Progress { state: DealState::Tipped, ..open(deal) }, &[joined(&[new_buyer()], 1)]).await;
    let mut redis = harness.redis.clone();
    let quota: i64 = redis.pttl(harness.keys.quota(deal)).await.unwrap();
    let buyers: i64 = redis.pttl(harness.keys.buyers(deal)).await.unwrap();
    // The deal closes in one hour, and its keys stay for one hour more.
    assert!((7_100_000..=7_200_000).contains(&quota), "{quota}");
    assert!(buyers > quota, "{buyers} after {quota}");
    assert_eq!(harness.admit_one(request(deal, new_buyer(), 1)).await, Answer::Admitted);
}
