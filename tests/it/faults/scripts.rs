//! Scripts that run twice, that Redis has flushed, or whose callers are cancelled.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use muster::domain::{JoinOutcome, LeaveOutcome};
use muster::quota::Keys;
use redis::AsyncCommands;

use super::crowd::{Crowd, redis_agrees, wait_until_redis_agrees};
use crate::support::fault::wait_until;
use crate::support::outcomes::joined;
use crate::support::people::join_request;
use crate::support::{self};

#[tokio::test]
async fn executing_every_script_twice_gives_the_same_result() {
    let app = support::app().with_private_servers().nodes(2).with_proxies().with_workers().start().await;
    for proxies in &app.proxies {
        proxies.redis.run_scripts_twice();
    }
    for node in &app.nodes {
        wait_until("Redis admits through the proxy", async || node.engine.admits()).await;
    }
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).tipping_point(20).cap(60).publish().await.id;
    // Before the tip some buyers leave and free their units.
    for person in app.people("Lee", 5).await {
        let signup = joined(app.engine_join(&person, deal, 2, "a").await).id;
        assert_eq!(app.engine_leave(&person, signup).await, LeaveOutcome::Left);
    }
    Crowd::start(&app, deal, 100).await.assert_sold_exactly(&app, 60).await;
    app.backend.wait_until_nothing_is_held(deal).await;
    wait_until("Redis agrees with Postgres", async || redis_agrees(&app, deal).await).await;
    let loaded: Option<u32> =
        app.backend.redis().await.hget(Keys::new(&app.backend.name).quota(deal), "units").await.unwrap();
    assert_eq!(loaded, Some(60), "the deal is loaded");
    assert!(app.nodes.iter().all(|node| node.engine.admits()), "no node continued without Redis");
    let doubled: usize = app.proxies.iter().map(|proxies| proxies.redis.scripts_run_twice()).sum();
    println!("{doubled} calls were executed twice");
    assert!(doubled > 20);
    app.settle_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn scripts_that_redis_keeps_flushing_are_sent_again() {
    let app = support::app().with_private_servers().nodes(2).with_workers().start().await;
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).tipping_point(20).cap(100).publish().await.id;
    let mut redis = app.backend.redis().await;
    let flush_count = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&flush_count);
    let flusher = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(3));
        loop {
            ticks.tick().await;
            let () = redis::cmd("SCRIPT").arg("FLUSH").query_async(&mut redis).await.unwrap();
            counter.fetch_add(1, Ordering::Relaxed);
        }
    });
    Crowd::start(&app, deal, 180).await.assert_sold_exactly(&app, 100).await;
    flusher.abort();
    assert!(flusher.await.unwrap_err().is_cancelled(), "Redis was flushed to the end");
    assert!(flush_count.load(Ordering::Relaxed) > 10, "Redis was flushed often");
    wait_until_redis_agrees(&app, deal, "flushed scripts").await;
    app.settle_now().await;
    app.assert_clean().await;
}

/// All calls share one connection, so a cancelled caller must not shift the replies of the others.
#[tokio::test]
async fn a_cancelled_call_leaves_no_reply_for_another_caller() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 400).await;
    let deal = app.deal(&mo).tipping_point(500).publish().await.id;
    let mut clients = Vec::new();
    for (n, person) in people.iter().enumerate() {
        let (engine, request) =
            (app.engine.clone(), join_request(person, deal, 1 + u32::try_from(n % 3).unwrap(), "a"));
        clients.push((request, tokio::spawn(async move { engine.join(request).await })));
        if n % 5 == 0 {
            tokio::task::yield_now().await;
        }
    }
    for (_, client) in clients.iter().step_by(2) {
        client.abort();
    }
    let mut cancelled = 0;
    for (request, client) in clients {
        match client.await {
            Ok(JoinOutcome::Joined(signup)) => {
                assert_eq!((signup.id, signup.deal, signup.units), (request.id, deal, request.units.get()));
            }
            Ok(other) => panic!("unexpected outcome: {other:?}"),
            Err(error) => {
                assert!(error.is_cancelled());
                cancelled += 1;
            }
        }
    }
    assert!(cancelled > 0, "some calls are cancelled");
    app.engine.drain().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn a_missing_deal_is_loaded_once_however_many_joins_wait_for_it() {
    let app = support::app().with("lanes.count", "1").with("lanes.batch_max", "1").start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 20).await;
    let deal = app.deal(&mo).tipping_point(500).publish().await.id;
    let client = redis::Client::open(app.backend.redis_url.as_str()).unwrap();
    let mut monitor = client.get_async_monitor().await.unwrap().into_on_message::<String>();
    // The lock keeps the load from reading its snapshot.
    let mut slow = app.backend.connect().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE signups IN ACCESS EXCLUSIVE MODE").execute(&mut slow).await.unwrap();
    let joins = people.iter().map(|person| app.engine_join(person, deal, 1, "a"));
    let end = format!("the end of {}", app.backend.name);
    let unlock = async {
        wait_until("one join loads the deal", async || app.backend.waiting_for_locks().await == 1).await;
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        for _ in 0..30 {
            ticks.tick().await;
        }
        sqlx::raw_sql("COMMIT").execute(&mut slow).await.unwrap();
    };
    let (outcomes, ()) = tokio::join!(futures_util::future::join_all(joins), unlock);
    for outcome in outcomes {
        joined(outcome);
    }
    let () = redis::cmd("ECHO").arg(&end).query_async(&mut app.backend.redis().await).await.unwrap();
    let (quota, mut lookups, mut begun) = (Keys::new(&app.backend.name).quota(deal), 0, 0);
    loop {
        let command = monitor.next().await.unwrap();
        if command.contains(&end) {
            break;
        }
        let of_load = command.contains(&quota) && command.contains("\"begun_ms\"");
        lookups += usize::from(of_load && command.contains("\"HMGET\""));
        begun += usize::from(of_load && command.contains("\"HSET\""));
    }
    assert_eq!(begun, 1);
    assert!(lookups <= people.len(), "{lookups} lookups, more than one for each waiting join");
    app.assert_clean().await;
}
