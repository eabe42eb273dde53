use std::collections::HashSet;

use chrono::TimeDelta;
use muster::domain::{AccountId, DealId, DealState, Progress, Refusal};
use muster::quota::{Answer, Begun, BuyerUnits, Load};
use redis::AsyncCommands;

use super::table::snapshot;
use super::{Table, new_deal, open, request, someone};
use crate::support::orders::orders;

/// The deal after its first `n` commits: one buyer joins in each.
fn after(deal: DealId, n: usize) -> Progress {
    let joined = u32::try_from(n).unwrap();
    Progress { rev: 1 + i64::from(joined), buyers: joined, units: joined, ..open(deal) }
}

fn joined(people: &[AccountId], n: usize) -> BuyerUnits {
    BuyerUnits { buyer: people[n - 1], units: 1, rev: 1 + i64::try_from(n).unwrap() }
}

/// Three commits are applied at any time, and a load takes its snapshot at any time after it began. In the end Redis knows all
/// three commits, without a gap.
#[tokio::test]
async fn a_load_misses_no_concurrent_commit() {
    const BEGIN: usize = 0;
    const BUYERS: usize = 4;
    const FINISH: usize = 5;
    let (table, people) = (Table::lay().await, [someone(), someone(), someone()]);
    let mut ends = HashSet::new();
    let mut ran = 0;
    for order in orders(6) {
        let place = |step| order.iter().position(|&n| n == step).unwrap();
        if place(BEGIN) > place(BUYERS) || place(BUYERS) > place(FINISH) {
            continue;
        }
        for in_snapshot in 0..=3 {
            // A change that was applied before the load began was committed before it, so the snapshot has it.
            if (1..=3).any(|commit| place(commit) < place(BEGIN) && commit > in_snapshot) {
                continue;
            }
            let deal = new_deal();
            let mut load: Option<Load> = None;
            for &step in &order {
                match step {
                    BEGIN => {
                        let Begun::Begun(begun) = table.quota.begin_load(deal).await.unwrap() else {
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
                        table.apply(after(deal, commit), before, &[], &[joined(&people, commit)]).await;
                    }
                }
            }
            let known = table.quota.figures(&[deal]).await.unwrap()[&deal];
            assert_eq!((known.rev, known.applied, known.units), (4, 4, 3), "{order:?} with {in_snapshot}");
            ends.insert(table.dump(deal).await);
            ran += 1;
        }
    }
    assert_eq!(ends.len(), 1, "{ends:#?}");
    assert!(ran > 100, "{ran} orders");
}

/// The snapshot is older than a change of the terms that was applied meanwhile: figures and terms are those of the change.
#[tokio::test]
async fn a_load_writes_figures_and_terms_together_or_neither() {
    let table = Table::lay().await;
    let old = Progress { rev: 10, state: DealState::Tipped, buyers: 50, units: 100, ..open(new_deal()) };
    for cap in [Some(200), None] {
        let deal = new_deal();
        let Begun::Begun(load) = table.quota.begin_load(deal).await.unwrap() else { panic!("not begun") };
        let raised = Progress { deal, rev: 11, cap, closes_at: old.closes_at + TimeDelta::hours(1), ..old };
        table.apply(raised, 10, &[], &[]).await;
        load.finish(&snapshot(Progress { deal, ..old })).await.unwrap().unwrap();
        assert_eq!(table.ask(request(deal, someone(), 100)).await, Answer::Admitted, "up to {cap:?}");
        let late = old.closes_at + TimeDelta::minutes(30);
        assert_eq!(table.admit_at(&[request(deal, someone(), 1)], late).await[0], expected_late(cap));
        // Two hours until it closes, and one hour after that.
        let stays = table.stays_ms(table.keys.quota(deal)).await;
        assert!((10_700_000..=10_800_000).contains(&stays), "{stays}");
    }
    // The other way round: an older change had a cap, and the snapshot has none.
    let deal = new_deal();
    let Begun::Begun(load) = table.quota.begin_load(deal).await.unwrap() else { panic!("not begun") };
    table.apply(Progress { deal, ..old }, 9, &[], &[]).await;
    load.finish(&snapshot(Progress { deal, rev: 11, cap: None, ..old })).await.unwrap().unwrap();
    assert_eq!(table.ask(request(deal, someone(), 1_000)).await, Answer::Admitted);
}

/// By then all places under a cap are held.
const fn expected_late(cap: Option<u32>) -> Answer {
    if cap.is_some() { Answer::refused(Refusal::PlacesHeld) } else { Answer::Admitted }
}

#[tokio::test]
async fn finishing_twice_is_the_same_as_once() {
    let table = Table::lay().await;
    let deal = new_deal();
    let keys = [table.keys.quota(deal), table.keys.buyers(deal), table.keys.ranges(deal)];
    let all = [keys.as_slice(), &[table.keys.holds(deal), table.keys.held(deal)]].concat();
    table.run("load_begin", &all, &[&table.run_id, "token", "5000"]).await.unwrap();
    let arguments = ["token", "1", "3", "open", "1", "2", "10", "100", "0", "9999999999999", "60000"];
    table.run("load_finish", &keys, &arguments).await.unwrap();
    table.apply(Progress { rev: 4, units: 3, ..open(deal) }, 3, &[], &[]).await;
    let once = table.dump(deal).await;
    table.run("load_finish", &keys, &arguments).await.unwrap();
    assert_eq!(table.dump(deal).await, once, "what came after it stays");
}

#[tokio::test]
async fn a_new_epoch_supersedes_a_load() {
    let table = Table::lay().await;
    for (of_snapshot, meanwhile) in [(1, 2), (2, 1)] {
        let deal = new_deal();
        let Begun::Begun(load) = table.quota.begin_load(deal).await.unwrap() else { panic!("not begun") };
        table.apply(Progress { epoch: meanwhile, rev: 5, ..open(deal) }, 4, &[], &[]).await;
        let old = snapshot(Progress { epoch: of_snapshot, rev: 9, ..open(deal) });
        assert!(load.finish(&old).await.unwrap().is_err());
        assert!(table.asks_to_load(deal).await);
    }
}

#[tokio::test]
async fn a_load_without_its_key_cannot_finish() {
    let table = Table::lay().await;
    let deal = new_deal();
    let Begun::Begun(load) = table.quota.begin_load(deal).await.unwrap() else { panic!("not begun") };
    let () = table.redis.clone().del(table.keys.quota(deal)).await.unwrap();
    assert!(load.finish(&snapshot(open(deal))).await.unwrap().is_err());
    assert!(table.asks_to_load(deal).await);
}

/// A Redis that evicts dropped the first chunk, so the second is not enough.
#[tokio::test]
async fn a_load_without_its_buyers_cannot_finish() {
    let table = Table::lay().await;
    let deal = new_deal();
    let people = [someone(), someone()];
    let Begun::Begun(load) = table.quota.begin_load(deal).await.unwrap() else { panic!("not begun") };
    load.buyers(&[joined(&people, 1)]).await.unwrap().unwrap();
    let () = table.redis.clone().del(table.keys.buyers(deal)).await.unwrap();
    load.buyers(&[joined(&people, 2)]).await.unwrap().unwrap();
    assert!(load.finish(&snapshot(after(deal, 2))).await.unwrap().is_err());
}

#[tokio::test]
async fn a_loaded_deal_stays_until_an_hour_after_its_window() {
    let table = Table::lay().await;
    let deal = new_deal();
    table.load(Progress { state: DealState::Tipped, ..open(deal) }, &[joined(&[someone()], 1)]).await;
    let mut redis = table.redis.clone();
    let quota: i64 = redis.pttl(table.keys.quota(deal)).await.unwrap();
    let buyers: i64 = redis.pttl(table.keys.buyers(deal)).await.unwrap();
    // An hour until it closes, and one hour after that.
    assert!((7_100_000..=7_200_000).contains(&quota), "{quota}");
    assert!(buyers > quota, "{buyers} after {quota}");
    assert_eq!(table.ask(request(deal, someone(), 1)).await, Answer::Admitted);
}
