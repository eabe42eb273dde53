//! A Redis that drops keys on its own, which Muster refuses unless it is told not to: nothing is oversold even there.

use muster::domain::{DealId, Refusal};
use muster::quota::Keys;
use redis::AsyncCommands;

use crate::support::fault::until;
use crate::support::outcomes::{joined, refused};
use crate::support::{self, Person, TestApp};

/// A deal of four places that are taken, told to Redis; the fifth person has none.
async fn full(app: &TestApp) -> (DealId, Vec<Person>) {
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 5).await;
    let deal = app.deal(&mo).tipping_point(1).cap(4).publish().await.id;
    for person in &people[..4] {
        joined(app.join(person, deal, 1, "a").await);
    }
    app.home.nothing_is_held(deal).await;
    app.reconcile_now().await;
    (deal, people)
}

/// Those who have a place hear so again, and the other one that there is none.
async fn every_watcher_ends_with_the_true_figures(app: &TestApp, deal: DealId, people: &[Person], after: &str) {
    assert_eq!(refused(app.join(&people[4], deal, 1, "a").await), Refusal::SoldOut, "after {after}");
    for person in &people[..4] {
        assert!(joined(app.join(person, deal, 1, "a").await).replayed, "after {after}");
    }
}

async fn configure(app: &TestApp, setting: &str, value: &str) {
    let mut set = redis::cmd("CONFIG");
    let () = set.arg(&["SET", setting, value]).query_async(&mut app.home.redis().await).await.unwrap();
}

#[tokio::test]
async fn whichever_key_of_a_full_deal_is_dropped_it_is_loaded_and_never_open_again() {
    let app = support::app().start().await;
    let (deal, people) = full(&app).await;
    let keys = Keys::new(&app.home.name);
    for key in [keys.quota(deal), keys.buyers(deal), keys.holds(deal), keys.held(deal), keys.ranges(deal)] {
        // Whoever was the last to ask may have made it whole again: each hears the truth as the first.
        for person in &people {
            let () = app.home.redis().await.del(&key).await.unwrap();
            let outcome = app.join(person, deal, 1, "a").await;
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
async fn a_redis_that_evicts_under_pressure_loads_deals_again() {
    let app = support::app().with_private_servers().with("redis.allow_eviction", "true").start().await;
    let (deal, people) = full(&app).await;
    let mut redis = app.home.redis().await;
    let info: redis::InfoDict = redis::cmd("INFO").arg("memory").query_async(&mut redis).await.unwrap();
    let used: u64 = info.get("used_memory").unwrap();
    configure(&app, "maxmemory-policy", "allkeys-random").await;
    configure(&app, "maxmemory", &(used + (4 << 20)).to_string()).await;
    let keys = Keys::new(&app.home.name);
    for round in 0..8 {
        let mut n = 0;
        while redis.exists::<_, u32>(&[keys.quota(deal), keys.buyers(deal)]).await.unwrap() == 2 {
            let () = redis.set(format!("junk:{round}:{n}"), vec![b'x'; 64 * 1024]).await.unwrap();
            n += 1;
        }
        every_watcher_ends_with_the_true_figures(&app, deal, &people, "an eviction").await;
    }
    configure(&app, "maxmemory", "0").await;
    app.settle_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn a_policy_that_is_changed_under_way_is_noticed_at_the_next_connection() {
    let app = support::app().with_private_servers().with_workers().start().await;
    let (deal, people) = full(&app).await;
    configure(&app, "maxmemory-policy", "allkeys-lru").await;
    let keys = Keys::new(&app.home.name);
    let () = app.home.redis().await.del(&[keys.buyers(deal), keys.held(deal)]).await.unwrap();
    every_watcher_ends_with_the_true_figures(&app, deal, &people, "an eviction").await;

    let mut kill = redis::cmd("CLIENT");
    let _killed: u32 = kill.arg(&["KILL", "TYPE", "normal"]).query_async(&mut app.home.redis().await).await.unwrap();
    every_watcher_ends_with_the_true_figures(&app, deal, &people, "the connection ended").await;
    assert!(!app.engine.admits(), "not over a connection to a Redis that evicts");
    configure(&app, "maxmemory-policy", "noeviction").await;
    until("it is trusted again", async || app.engine.admits()).await;
    every_watcher_ends_with_the_true_figures(&app, deal, &people, "the policy is right again").await;
    app.settle_now().await;
    app.assert_clean().await;
}
