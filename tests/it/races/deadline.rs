use std::collections::{HashMap, HashSet};
use std::time::Duration;

use muster::domain::{DealState, JoinOutcome, LeaveOutcome, Refusal};

use crate::support::outcomes::joined;
use crate::support::people::join_request;
use crate::support::race::run_concurrently;
use crate::support::{self};

const DAY: Duration = Duration::from_hours(24);

/// The clock passes the deadline while everybody joins, and both nodes close the deal as soon as they can.
#[tokio::test]
async fn joins_around_the_deadline_either_count_or_are_refused_as_closed() {
    let app = support::app().nodes(2).start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 120).await;
    let deal = app.deal(&mo).tipping_point(20).publish().await.id;
    let clients: Vec<_> = people
        .iter()
        .enumerate()
        .map(|(n, person)| {
            let (engine, request) = (app.nodes[n % 2].engine.clone(), join_request(person, deal, 1, "a"));
            tokio::spawn(async move { engine.join(request).await })
        })
        .collect();
    support::fault::wait_until("some have joined", async || app.counts(deal).await.0 > 0).await;
    app.clock.advance(DAY).await;
    let closers = (0..4).map(|n| {
        let engine = app.nodes[n % 2].engine.clone();
        async move { engine.close_due().await.unwrap().len() }
    });
    run_concurrently(closers.collect::<Vec<_>>()).await;
    let mut in_time = 0;
    for client in clients {
        match client.await.unwrap() {
            JoinOutcome::Joined(_) => in_time += 1,
            JoinOutcome::Refused(Refusal::Closed) => {}
            other => panic!("{other:?}"),
        }
    }
    app.close_now().await;
    let progress = app.progress(deal).await;
    assert_eq!(progress.buyers, in_time);
    let expected = if in_time >= 20 { DealState::Succeeded } else { DealState::Failed };
    assert_eq!(progress.state, expected);
    app.settle_now().await;
    app.deliver_now().await;
    app.assert_clean().await;
}

/// Three nodes commit in small batches, so many commits are near the deadline. Half of the joins arrive while it
/// passes, and Redis or Postgres refuses the late ones. Check I7 of the audit asserts that no signup is late.
#[tokio::test]
async fn a_thousand_joins_around_the_deadline_either_count_or_are_refused_as_closed() {
    let app = support::app().nodes(3).with("lanes.batch_max", "16").start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 1_000).await;
    let deal = app.deal(&mo).tipping_point(1_000).publish().await.id;
    let join = |n: usize| {
        let (engine, request) = (app.nodes[n % 3].engine.clone(), join_request(&people[n], deal, 1, "a"));
        tokio::spawn(async move { engine.join(request).await })
    };
    let mut clients: Vec<_> = (0..500).map(join).collect();
    support::fault::wait_until("some have joined", async || app.counts(deal).await.0 > 0).await;
    let passing = async {
        app.clock.advance(DAY).await;
        app.nodes[1].engine.close_due().await.unwrap();
    };
    let arriving = async {
        let mut more = Vec::new();
        for n in 500..1_000 {
            more.push(join(n));
            tokio::task::yield_now().await;
        }
        more
    };
    let ((), more) = tokio::join!(passing, arriving);
    clients.extend(more);
    // One more join, which is certainly late.
    assert_eq!(
        app.nodes[2].engine_join(&app.buyer("Late").await, deal, 1, "a").await,
        JoinOutcome::Refused(Refusal::Closed)
    );
    let (mut in_time, mut late) = (0, 0);
    for client in clients {
        match client.await.unwrap() {
            JoinOutcome::Joined(_) => in_time += 1,
            JoinOutcome::Refused(Refusal::Closed) => late += 1,
            other => panic!("{other:?}"),
        }
    }
    println!("{in_time} in time, {late} late");
    app.close_now().await;
    let progress = app.progress(deal).await;
    assert_eq!(progress.buyers, in_time);
    assert_eq!(progress.state, if in_time == 1_000 { DealState::Succeeded } else { DealState::Failed });
    app.settle_now().await;
    app.deliver_now().await;
    app.assert_clean().await;
}

/// The join waits for the deal's lock while the deadline passes. The time at which it gets the lock counts.
#[tokio::test]
async fn a_join_that_waited_past_the_deadline_is_refused() {
    let app = support::app().nodes(2).start().await;
    let mo = app.merchant("Mo").await;
    let (ann, bob) = (app.buyer("Ann").await, app.buyer("Bob").await);
    let deal = app.deal(&mo).publish().await.id;
    let anns = joined(app.engine_join(&ann, deal, 1, "a").await).id;
    let lock = app.backend.lock_deal(deal).await;
    let late = async {
        let both = async || app.backend.waiting_for_locks().await == 2;
        support::fault::wait_until("a join and a leave wait", both).await;
        app.clock.advance(DAY).await;
        lock.unlock().await;
    };
    let leave = app.nodes[0].engine_leave(&ann, anns);
    let (join, leave, ()) = tokio::join!(app.nodes[1].engine_join(&bob, deal, 1, "a"), leave, late);
    assert_eq!((join, leave), (JoinOutcome::Refused(Refusal::Closed), LeaveOutcome::Closed));
    app.close_now().await;
    app.deliver_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn concurrent_closers_end_each_deal_once() {
    let app = support::app().nodes(2).start().await;
    let mo = app.merchant("Mo").await;
    let ann = app.buyer("Ann").await;
    let mut deals = HashSet::new();
    let mut revs = HashMap::new();
    for n in 0..20 {
        let deal = app.deal(&mo).tipping_point(1 + n % 2).publish().await.id;
        joined(app.engine_join(&ann, deal, 1, "a").await);
        deals.insert(deal);
        revs.insert(deal, app.progress(deal).await.rev);
    }
    app.clock.advance(DAY + Duration::from_secs(1)).await;
    let closers = (0..8).map(|n| {
        let engine = app.nodes[n % 2].engine.clone();
        async move { engine.close_due().await.unwrap() }
    });
    let mut ended: Vec<_> = run_concurrently(closers.collect::<Vec<_>>()).await.concat();
    // A closer skips a deal that another has locked, so one more call may be needed.
    ended.extend(app.engine.close_due().await.unwrap());
    assert_eq!(ended.len(), 20);
    assert_eq!(ended.into_iter().collect::<HashSet<_>>(), deals);
    for (deal, rev) in revs {
        assert_eq!(app.progress(deal).await.rev, rev + 1, "each deal changes its state once");
    }
    assert_eq!(app.backend.query_i64("SELECT count(*) FROM outbox WHERE key LIKE 'fail:%'").await, 10);
    app.settle_now().await;
    app.deliver_now().await;
    app.assert_clean().await;
}
