//! A Redis that evicts keys. Muster refuses such a Redis unless a setting allows it; even then nothing is oversold.

use muster::domain::{DealId, Refusal};
use muster::quota::Keys;
use redis::AsyncCommands;

use crate::support::fault::wait_until;
use crate::support::outcomes::{joined, refused};
use crate::support::{self, Person, TestApp};

/// A deal whose four units are sold and recorded in Redis, and five people. The last one has no signup.
async fn full_deal(app: &TestApp) -> (DealId, Vec<Person>) {
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 5).await;
    let deal = app.deal(&mo).tipping_point(1).cap(4).publish().await.id;
    for person in &people[..4] {
        joined(app.engine_join(person, deal, 1, "a").await);
    }
    app.backend.wait_until_nothing_is_held(deal).await;
    app.reconcile_now().await;
    (deal, people)
}

/// Asserts that the four buyers get a replay and the stranger gets `sold_out`.
async fn assert_answers_are_true(app: &TestApp, deal: DealId, people: &[Person], after: &str) {
    assert_eq!(refused(app.engine_join(&people[4], deal, 1, "a").await), Refusal::SoldOut, "after {after}");
    for person in &people[..4] {
        assert!(joined(app.engine_join(person, deal, 1, "a").await).replayed, "after {after}");
    }
}

async fn configure(app: &TestApp, setting: &str, value: &str) {
    let mut set = redis::cmd("CONFIG");
    let () = set.arg(&["SET", setting, value]).query_async(&mut app.backend.redis().await).await.unwrap();
}

#[tokio::test]
async fn a_full_deal_stays_full_whichever_of_its_keys_is_evicted() {
    let app = support::app().start().await;
    let (deal, people) = full_deal(&app).await;
    let keys = Keys::new(&app.backend.name);
    for key in [keys.quota(deal), keys.buyers(deal), keys.holds(deal), keys.held(deal), keys.ranges(deal)] {
        // The previous join may have reloaded the deal, so the key is dropped before each join.
        for person in &people {
            let () = app.backend.redis().await.del(&key).await.unwrap();
            let outcome = app.engine_join(person, deal, 1, "a").await;
            if person.id == people[4].id {
                assert_eq!(refused(outcome), Refusal::SoldOut, "without {key}");
            } else {
                assert!(joined(outcome).replayed, "without {key}");
            }
        }
    }
    app.settle_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn deals_evicted_under_memory_pressure_are_reloaded() {
    let app = support::app().with_private_servers().with("redis.allow_eviction", "true").start().await;
    let (deal, people) = full_deal(&app).await;
    let mut redis = app.backend.redis().await;
    let info: redis::InfoDict = redis::cmd("INFO").arg("memory").query_async(&mut redis).await.unwrap();
    let used: u64 = info.get("used_memory").unwrap();
    configure(&app, "maxmemory-policy", "allkeys-random").await;
    configure(&app, "maxmemory", &(used + (4 << 20)).to_string()).await;
    let keys = Keys::new(&app.backend.name);
    for round in 0..8 {
        let mut n = 0;
        while redis.exists::<_, u32>(&[keys.quota(deal), keys.buyers(deal)]).await.unwrap() == 2 {
            let () = redis.set(format!("junk:{round}:{n}"), vec![b'x'; 64 * 1024]).await.unwrap();
            n += 1;
        }
        assert_answers_are_true(&app, deal, &people, "an eviction").await;
    }
    configure(&app, "maxmemory", "0").await;
    app.settle_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn a_changed_eviction_policy_is_noticed_at_the_next_connection() {
    let app = support::app().with_private_servers().with_workers().start().await;
    let (deal, people) = full_deal(&app).await;
    configure(&app, "maxmemory-policy", "allkeys-lru").await;
    let keys = Keys::new(&app.backend.name);
    let () = app.backend.redis().await.del(&[keys.buyers(deal), keys.held(deal)]).await.unwrap();
    assert_answers_are_true(&app, deal, &people, "an eviction").await;

    let mut kill = redis::cmd("CLIENT");
    let _killed: u32 = kill.arg(&["KILL", "TYPE", "normal"]).query_async(&mut app.backend.redis().await).await.unwrap();
    assert_answers_are_true(&app, deal, &people, "the connection was lost").await;
    assert!(!app.engine.admits(), "a Redis that evicts keys does not admit");
    configure(&app, "maxmemory-policy", "noeviction").await;
    wait_until("Redis admits again", async || app.engine.admits()).await;
    assert_answers_are_true(&app, deal, &people, "the policy was corrected").await;
    app.settle_now().await;
    app.assert_clean().await;
}
