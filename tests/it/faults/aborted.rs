//! Requests that are dropped in the middle of a statement, as when their clients reset: the connections that they used are
//! used by others at once.

use std::time::Duration;

use muster::store::PageRequest;
use rand::RngExt;
use redis::AsyncCommands;
use tokio::task::JoinSet;

use crate::support::chance::chance;
use crate::support::fault::until;
use crate::support::outcomes::joined;
use crate::support::{self};

const ABORTED: usize = 1_200;

#[tokio::test]
async fn requests_that_are_dropped_half_way_leave_no_transaction_and_no_answer_behind() {
    let mut chance = chance();
    let app = support::app().wired().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 8).await;
    let mut deals = Vec::new();
    for _ in 0..8 {
        deals.push(app.deal(&mo).publish().await.id);
    }
    app.wires[0].postgres.replies_take(Duration::from_millis(50));
    let mut finished = 0;
    for _ in 0..ABORTED / 24 {
        let mut requests = JoinSet::new();
        for n in 0..24 {
            let (engine, store, deal) = (app.engine.clone(), app.store.clone(), deals[n % deals.len()]);
            let (merchant, person) = (mo.shop(), people[n % people.len()].clone());
            requests.spawn(async move {
                match n % 5 {
                    0 => drop(engine.publish(merchant, deal).await.unwrap()),
                    1 => assert_eq!(store.deal(deal).await.unwrap().unwrap().id, deal),
                    2 => drop(store.signups_of_buyer(person.id, &PageRequest::first(5)).await.unwrap()),
                    3 => drop(engine.settle(10).await.unwrap()),
                    _ => drop(engine.close_due().await.unwrap()),
                }
            });
        }
        // All of them at any point of what they do.
        let point = Duration::from_millis(chance.random_range(0..300));
        let until_then = async {
            while let Some(ended) = requests.join_next().await {
                ended.unwrap();
                finished += 1;
            }
        };
        drop(tokio::time::timeout(point, until_then).await);
        requests.shutdown().await;
    }
    println!("{finished} of {ABORTED} came to their end");
    app.wires[0].postgres.replies_take(Duration::ZERO);

    for n in 0..200 {
        let deal = deals[n % deals.len()];
        assert_eq!(app.store.deal(deal).await.unwrap().unwrap().id, deal, "everybody hears their own answer");
    }
    let left_open = "SELECT count(*) FROM pg_stat_activity
                      WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    assert_eq!(app.home.number(left_open).await, 0);
    let log = std::fs::read_to_string(app.home.postgres_log().await).unwrap();
    assert!(!log.contains("current transaction is aborted"), "25P02");
    app.assert_clean().await;
}

#[tokio::test]
async fn a_merchants_action_completes_when_the_browser_disconnects() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).publish().await.id;
    joined(app.join(&ann, deal, 1, "a").await);
    let locked = app.home.lock_deal(deal).await;
    let (engine, merchant) = (app.engine.clone(), mo.shop());
    let taking_down = tokio::spawn(async move { engine.withdraw(merchant, deal, "ill").await });
    until("it waits for the deal", async || app.home.waiting_for_locks().await == 1).await;
    taking_down.abort();
    assert!(taking_down.await.is_err_and(|gone| gone.is_cancelled()));
    locked.unlock().await;
    // Nobody reconciles here: Redis hears of it from what was begun.
    let (mut redis, quota) = (app.home.redis().await, muster::quota::Keys::new(&app.home.name).quota(deal));
    until("Redis knows", async || redis.hget::<_, _, String>(&quota, "state").await.unwrap() == "withdrawn").await;
}
