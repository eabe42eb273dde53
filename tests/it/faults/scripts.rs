//! Scripts that run twice, that Redis has forgotten, and whose callers have gone away.

use std::time::Duration;

use futures_util::StreamExt;
use muster::domain::{JoinOutcome, LeaveOutcome};
use muster::quota::Keys;
use redis::AsyncCommands;

use super::crowd::{Crowd, is_right, is_right_again};
use crate::support::fault::until;
use crate::support::outcomes::joined;
use crate::support::people::wish;
use crate::support::{self};

#[tokio::test]
async fn every_script_executed_twice_comes_to_the_same() {
    let app = support::app().with_private_servers().nodes(2).wired().with_workers().start().await;
    for wires in &app.wires {
        wires.redis.run_scripts_twice();
    }
    for node in &app.nodes {
        until("it is there again, twice", async || node.engine.admits()).await;
    }
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).tipping_point(20).cap(60).publish().await.id;
    // Before it tips: some leave again, and take a place anew.
    for person in app.people("Lee", 5).await {
        let signup = joined(app.join(&person, deal, 2, "a").await).id;
        assert_eq!(app.leave(&person, signup).await, LeaveOutcome::Left);
    }
    Crowd::sets_out(&app, deal, 100).await.got_what_there_was(&app, 60).await;
    app.home.nothing_is_held(deal).await;
    until("Redis is right", async || is_right(&app, deal).await).await;
    let loaded: Option<u32> =
        app.home.redis().await.hget(Keys::new(&app.home.name).quota(deal), "units").await.unwrap();
    assert_eq!(loaded, Some(60), "it is loaded");
    assert!(app.nodes.iter().all(|node| node.engine.admits()), "nobody went on without Redis");
    let doubled: usize = app.wires.iter().map(|wires| wires.redis.doubled()).sum();
    println!("{doubled} calls were executed twice");
    assert!(doubled > 20);
    app.settle_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn scripts_that_redis_forgets_all_the_time_are_sent_again() {
    let app = support::app().with_private_servers().nodes(2).with_workers().start().await;
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).tipping_point(20).cap(100).publish().await.id;
    let mut redis = app.home.redis().await;
    let forgets = tokio::spawn(async move {
        let mut every = tokio::time::interval(Duration::from_millis(3));
        for n in 0.. {
            every.tick().await;
            let () = redis::cmd("SCRIPT").arg("FLUSH").query_async(&mut redis).await.unwrap();
            if n % 200 == 199 {
                println!("forgotten {} times", n + 1);
            }
        }
    });
    Crowd::sets_out(&app, deal, 180).await.got_what_there_was(&app, 100).await;
    forgets.abort();
    is_right_again(&app, deal, "forgetful").await;
    app.settle_now().await;
    app.assert_clean().await;
}

/// One connection carries the calls of all: whose future is dropped leaves no answer behind for somebody else.
#[tokio::test]
async fn a_cancelled_read_leaves_no_answer_for_another_caller() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 400).await;
    let deal = app.deal(&mo).tipping_point(500).publish().await.id;
    let mut asked = Vec::new();
    for (n, person) in people.iter().enumerate() {
        let (engine, request) = (app.engine.clone(), wish(person, deal, 1 + u32::try_from(n % 3).unwrap(), "a"));
        asked.push((request, tokio::spawn(async move { engine.join(request).await })));
        if n % 5 == 0 {
            tokio::task::yield_now().await;
        }
    }
    for (_, client) in asked.iter().step_by(2) {
        client.abort();
    }
    for (request, client) in asked {
        match client.await {
            Ok(JoinOutcome::Joined(told)) => {
                assert_eq!((told.id, told.deal, told.units), (request.id, deal, request.units.get()));
            }
            Ok(other) => panic!("told {other:?}"),
            Err(gone) => assert!(gone.is_cancelled()),
        }
    }
    app.engine.drain().await;
    app.assert_clean().await;
}

/// Not once for everybody who waits for it.
#[tokio::test]
async fn a_deal_that_is_gone_is_loaded_once_by_a_node_however_many_wait_for_it() {
    let app = support::app().with("lanes.count", "1").with("lanes.batch_max", "1").start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 20).await;
    let deal = app.deal(&mo).tipping_point(500).publish().await.id;
    let client = redis::Client::open(app.home.redis_url.as_str()).unwrap();
    let mut monitor = client.get_async_monitor().await.unwrap().into_on_message::<String>();
    // The snapshot is not to be had for now.
    let mut slow = app.home.connect().await;
    sqlx::raw_sql("BEGIN; LOCK TABLE signups IN ACCESS EXCLUSIVE MODE").execute(&mut slow).await.unwrap();
    let joins = people.iter().map(|person| app.join(person, deal, 1, "a"));
    let end = format!("the end of {}", app.home.name);
    let load = async {
        until("somebody loads", async || app.home.waiting_for_locks().await == 1).await;
        let mut looks = tokio::time::interval(Duration::from_millis(10));
        for _ in 0..30 {
            looks.tick().await;
        }
        sqlx::raw_sql("COMMIT").execute(&mut slow).await.unwrap();
    };
    let (outcomes, ()) = tokio::join!(futures_util::future::join_all(joins), load);
    for outcome in outcomes {
        joined(outcome);
    }
    let () = redis::cmd("ECHO").arg(&end).query_async(&mut app.home.redis().await).await.unwrap();
    let (quota, mut asked, mut begun) = (Keys::new(&app.home.name).quota(deal), 0, 0);
    loop {
        let command = monitor.next().await.unwrap();
        if command.contains(&end) {
            break;
        }
        let of_load = command.contains(&quota) && command.contains("\"begun_ms\"");
        asked += usize::from(of_load && command.contains("\"HMGET\""));
        begun += usize::from(of_load && command.contains("\"HSET\""));
    }
    assert_eq!(begun, 1);
    assert!(asked <= people.len(), "asked {asked} times: once by each who had to wait");
    app.assert_clean().await;
}
