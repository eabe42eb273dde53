use muster::domain::{DealId, Progress};
use muster::quota::{Begun, BuyerUnits};
use redis::AsyncCommands;

use super::table::snapshot;
use super::{Table, new_deal, open, request, someone};

fn keys(table: &Table, deal: DealId) -> [String; 5] {
    let keys = &table.keys;
    [keys.quota(deal), keys.buyers(deal), keys.ranges(deal), keys.holds(deal), keys.held(deal)]
}

fn word(begun: &Begun) -> &'static str {
    match begun {
        Begun::Begun(_) => "begun",
        Begun::Loading => "loading",
        Begun::Loaded => "loaded",
    }
}

#[tokio::test]
async fn one_node_loads_a_deal_while_the_others_wait() {
    let table = Table::lay().await;
    let deal = new_deal();
    let Begun::Begun(load) = table.quota.begin_load(deal).await.unwrap() else { panic!("not begun") };
    assert_eq!(word(&table.quota.begin_load(deal).await.unwrap()), "loading");
    load.finish(&snapshot(open(deal))).await.unwrap().unwrap();
    assert_eq!(word(&table.quota.begin_load(deal).await.unwrap()), "loaded");
}

#[tokio::test]
async fn a_slow_load_is_taken_over_and_cannot_finish() {
    let table = Table::lay().await;
    let deal = new_deal();
    let Begun::Begun(slow) = table.quota.begin_load(deal).await.unwrap() else { panic!("not begun") };
    let buyer = BuyerUnits { buyer: someone(), units: 1, rev: 1 };
    slow.buyers(&[buyer]).await.unwrap().unwrap();
    let () = table.redis.clone().hset(table.keys.quota(deal), "begun_ms", 1).await.unwrap();
    let Begun::Begun(other) = table.quota.begin_load(deal).await.unwrap() else { panic!("not taken over") };
    assert!(table.quota.buyers(deal).await.unwrap().is_empty(), "it begins from nothing");
    assert!(slow.buyers(&[buyer]).await.unwrap().is_err());
    assert!(slow.finish(&snapshot(open(deal))).await.unwrap().is_err());
    other.finish(&snapshot(open(deal))).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_deal_loaded_into_another_run_of_redis_is_loaded_again() {
    let table = Table::lay().await;
    let deal = new_deal();
    let stale = BuyerUnits { buyer: someone(), units: 1, rev: 7 };
    table.load(Progress { rev: 7, ..open(deal) }, &[stale]).await;
    let () = table.redis.clone().hset(table.keys.quota(deal), "run_id", "another-run").await.unwrap();
    assert_eq!(word(&table.quota.begin_load(deal).await.unwrap()), "begun");
    assert!(table.quota.buyers(deal).await.unwrap().is_empty());
    assert!(table.quota.figures(&[deal]).await.unwrap().is_empty(), "nothing of it counts as loaded");
}

#[tokio::test]
async fn holds_from_an_earlier_run_of_redis_hide_no_unit() {
    let table = Table::lay().await;
    for (run, held) in [(table.run_id.as_str(), 3), ("an-earlier-run", 0)] {
        let deal = new_deal();
        table.load(open(deal), &[]).await;
        table.admit(&[request(deal, someone(), 3)]).await;
        let quota = table.keys.quota(deal);
        let mut redis = table.redis.clone();
        let () = redis.hset_multiple(quota, &[("run_id", run), ("loaded", "0"), ("begun_ms", "1")]).await.unwrap();
        assert_eq!(word(&table.quota.begin_load(deal).await.unwrap()), "begun");
        let kept: Option<u32> = redis.hget(table.keys.held(deal), "=units").await.unwrap();
        let ends: u32 = redis.zcard(table.keys.holds(deal)).await.unwrap();
        assert_eq!((kept.unwrap_or(0), ends), (held, u32::from(held > 0)), "{run}");
    }
}

#[tokio::test]
async fn beginning_twice_with_one_token_is_one_load() {
    let table = Table::lay().await;
    let deal = new_deal();
    let keys = keys(&table, deal);
    let begin = async |token: &str| {
        let reply = table.run("load_begin", &keys, &[&table.run_id, token, "5000"]).await.unwrap();
        redis::from_redis_value::<(String,)>(reply).unwrap().0
    };
    assert_eq!(begin("mine").await, "begun");
    table.run("load_buyers", &keys[..2], &["mine", "buyer", "1", "2"]).await.unwrap();
    let once = table.dump(deal).await;
    assert_eq!(begin("mine").await, "begun");
    assert_eq!(table.dump(deal).await, once);
    assert_eq!(begin("another").await, "loading");
}

#[tokio::test]
async fn a_load_that_nobody_finishes_leaves_nothing_behind() {
    let table = Table::lay().await;
    let deal = new_deal();
    drop(table.quota.begin_load(deal).await.unwrap());
    let ends_in: i64 = table.redis.clone().pttl(table.keys.quota(deal)).await.unwrap();
    assert!((1..=60_000).contains(&ends_in), "{ends_in}");
    let ends_in: i64 = table.redis.clone().pttl(table.keys.buyers(deal)).await.unwrap();
    assert!((1..=61_000).contains(&ends_in), "{ends_in}");
}
