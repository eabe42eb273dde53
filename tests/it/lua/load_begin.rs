use muster::domain::{DealId, Progress};
use muster::quota::{Begun, BuyerUnits};
use redis::AsyncCommands;

use super::harness::snapshot;
use super::{Harness, new_buyer, new_deal, open, request};

fn keys(harness: &Harness, deal: DealId) -> [String; 5] {
    let keys = &harness.keys;
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
    let harness = Harness::start().await;
    let deal = new_deal();
    let Begun::Begun(load) = harness.quota.begin_load(deal).await.unwrap() else { panic!("not begun") };
    assert_eq!(word(&harness.quota.begin_load(deal).await.unwrap()), "loading");
    load.finish(&snapshot(open(deal))).await.unwrap().unwrap();
    assert_eq!(word(&harness.quota.begin_load(deal).await.unwrap()), "loaded");
}

#[tokio::test]
async fn a_slow_load_is_taken_over_and_cannot_finish() {
    let harness = Harness::start().await;
    let deal = new_deal();
    let Begun::Begun(slow) = harness.quota.begin_load(deal).await.unwrap() else { panic!("not begun") };
    let buyer = BuyerUnits { buyer: new_buyer(), units: 1, rev: 1 };
    slow.buyers(&[buyer]).await.unwrap().unwrap();
    let () = harness.redis.clone().hset(harness.keys.quota(deal), "begun_ms", 1).await.unwrap();
    let Begun::Begun(other) = harness.quota.begin_load(deal).await.unwrap() else { panic!("not taken over") };
    assert!(harness.quota.buyers(deal).await.unwrap().is_empty(), "the second load starts from nothing");
    assert!(slow.buyers(&[buyer]).await.unwrap().is_err());
    assert!(slow.finish(&snapshot(open(deal))).await.unwrap().is_err());
    other.finish(&snapshot(open(deal))).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_deal_loaded_into_another_run_of_redis_is_reloaded() {
    let harness = Harness::start().await;
    let deal = new_deal();
    let stale = BuyerUnits { buyer: new_buyer(), units: 1, rev: 7 };
    harness.load(Progress { rev: 7, ..open(deal) }, &[stale]).await;
    let () = harness.redis.clone().hset(harness.keys.quota(deal), "run_id", "another-run").await.unwrap();
    assert_eq!(word(&harness.quota.begin_load(deal).await.unwrap()), "begun");
    assert!(harness.quota.buyers(deal).await.unwrap().is_empty());
    assert!(harness.quota.figures(&[deal]).await.unwrap().is_empty(), "the deal does not count as loaded");
}

#[tokio::test]
async fn a_load_drops_the_holds_of_an_earlier_run_of_redis() {
    let harness = Harness::start().await;
    for (run, held) in [(harness.run_id.as_str(), 3), ("an-earlier-run", 0)] {
        let deal = new_deal();
        harness.load(open(deal), &[]).await;
        harness.admit(&[request(deal, new_buyer(), 3)]).await;
        let quota = harness.keys.quota(deal);
        let mut redis = harness.redis.clone();
        let () = redis.hset_multiple(quota, &[("run_id", run), ("loaded", "0"), ("begun_ms", "1")]).await.unwrap();
        assert_eq!(word(&harness.quota.begin_load(deal).await.unwrap()), "begun");
        let kept: Option<u32> = redis.hget(harness.keys.held(deal), "=units").await.unwrap();
        let expiries: u32 = redis.zcard(harness.keys.holds(deal)).await.unwrap();
        assert_eq!((kept.unwrap_or(0), expiries), (held, u32::from(held > 0)), "{run}");
    }
}

#[tokio::test]
async fn beginning_twice_with_one_token_is_one_load() {
    let harness = Harness::start().await;
    let deal = new_deal();
    let keys = keys(&harness, deal);
    let begin = async |token: &str| {
        let reply = harness.run("load_begin", &keys, &[&harness.run_id, token, "5000"]).await.unwrap();
        redis::from_redis_value::<(String,)>(reply).unwrap().0
    };
    assert_eq!(begin("mine").await, "begun");
    harness.run("load_buyers", &keys[..2], &["mine", "buyer", "1", "2"]).await.unwrap();
    let once = harness.dump(deal).await;
    assert_eq!(begin("mine").await, "begun");
    assert_eq!(harness.dump(deal).await, once);
    assert_eq!(begin("another").await, "loading");
}

#[tokio::test]
async fn an_unfinished_load_expires() {
    let harness = Harness::start().await;
    let deal = new_deal();
    drop(harness.quota.begin_load(deal).await.unwrap());
    let expires_in: i64 = harness.redis.clone().pttl(harness.keys.quota(deal)).await.unwrap();
    assert!((1..=60_000).contains(&expires_in), "{expires_in}");
    let expires_in: i64 = harness.redis.clone().pttl(harness.keys.buyers(deal)).await.unwrap();
    assert!((1..=61_000).contains(&expires_in), "{expires_in}");
}
