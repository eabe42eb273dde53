//! All writers of deals run concurrently on three nodes without a deadlock.

use std::time::Duration;

use muster::domain::{DealId, JoinOutcome, LeaveOutcome, Till};
use muster::engine::Engine;
use muster::store::PageRequest;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::people::join_request;
use crate::support::race::run_concurrently;
use crate::support::rng::seed;
use crate::support::{self, Person, TestApp};

const DEALS: usize = 24;
const ROUNDS: usize = 60;

/// Batches of joins and leaves over many deals, in random order.
async fn commit_batches(app: &TestApp, seed: u64, people: Vec<Person>, deals: Vec<DealId>) {
    let (mut lane, mut rng) = (app.store.lane_connection(), StdRng::seed_from_u64(seed));
    for round in 0..ROUNDS {
        let batch: Vec<_> = (0..40)
            .map(|_| {
                let (person, deal) = (rng.random_range(0..people.len()), rng.random_range(0..deals.len()));
                join_request(&people[person], deals[deal], 1, &format!("{seed}-{round}"))
            })
            .collect();
        lane.commit_signups(&batch).await.unwrap();
        let leaves: Vec<_> =
            batch.iter().filter(|_| rng.random_bool(0.2)).map(|join| (join.id, join.deal, join.buyer)).collect();
        lane.commit_leaves(&leaves).await.unwrap();
    }
}

/// Joins and leaves through a node.
async fn join_and_leave(engine: Engine, seed: u64, people: Vec<Person>, deals: Vec<DealId>) {
    let mut rng = StdRng::seed_from_u64(seed);
    for round in 0..ROUNDS {
        let (person, deal) = (&people[rng.random_range(0..people.len())], deals[rng.random_range(0..deals.len())]);
        if let JoinOutcome::Joined(joined) =
            engine.join(join_request(person, deal, 1, &format!("{seed}-{round}"))).await
        {
            assert_ne!(engine.leave(person.id, joined.id).await, LeaveOutcome::Broken);
        }
    }
}

/// Closing, settling, redeeming and withdrawing.
async fn run_workers(engine: Engine, merchant: Person, people: Vec<Person>, mut to_withdraw: Vec<DealId>) {
    for round in 0..ROUNDS {
        engine.close_due().await.unwrap();
        engine.settle(50).await.unwrap();
        let buyer = &people[round % people.len()];
        for coupon in engine.coupons(buyer.id, &PageRequest::first(2)).await.unwrap().items {
            engine
                .redeem(merchant.id, &[merchant.merchant_id()], &Till::parse("till").unwrap(), &coupon.code, None)
                .await
                .unwrap();
        }
        if round % 20 == 19
            && let Some(deal) = to_withdraw.pop()
        {
            engine.withdraw(merchant.merchant_id(), deal, "ill").await.unwrap();
        }
    }
}

#[tokio::test]
async fn concurrent_writers_of_deals_never_deadlock() {
    let seed = seed();
    let app = support::app().nodes(3).start().await;
    // Shorter than any wait for a lock in this test, so a deadlock is detected.
    app.backend.sql(&format!("ALTER DATABASE {} SET deadlock_timeout = '50ms'", app.backend.name)).await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 40).await;
    let mut deals = Vec::new();
    for n in 0..DEALS {
        let tipping_point = if n % 3 == 0 { 30 } else { 2 };
        let deal = app.deal(&mo).tipping_point(tipping_point).cap(400).per_buyer_max(50);
        // Every fourth deal closes during the test.
        let window = Duration::from_secs(if n % 4 == 0 { 2 } else { 3_600 });
        deals.push(deal.closes_in(window).publish().await.id);
    }
    let app = std::sync::Arc::new(app);
    let mut all = Vec::new();
    for n in 0..3_u64 {
        let (people, deals, engine) =
            (people.clone(), deals.clone(), app.nodes[usize::try_from(n).unwrap()].engine.clone());
        let withdrawn = deals.iter().skip(1).step_by(8).copied().collect();
        let app = app.clone();
        all.push(tokio::spawn({
            let (people, deals) = (people.clone(), deals.clone());
            async move { commit_batches(&app, seed.wrapping_add(n), people, deals).await }
        }));
        all.push(tokio::spawn(join_and_leave(engine.clone(), seed.wrapping_sub(n), people.clone(), deals)));
        all.push(tokio::spawn(run_workers(engine, mo.clone(), people, withdrawn)));
    }
    for ended in run_concurrently(all).await {
        ended.unwrap();
    }
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(app.backend.query_i64(deadlocks).await, 0);
    // The lane connections of this test do not update Redis.
    app.reconcile_now().await;
    app.clock.advance(Duration::from_hours(2)).await;
    app.close_now().await;
    app.settle_now().await;
    app.deliver_now().await;
    app.assert_clean().await;
}
