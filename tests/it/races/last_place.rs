use std::collections::HashSet;

use muster::domain::{DealId, JoinOutcome, JoinRequest, Refusal};

use crate::support::fault::wait_until;
use crate::support::outcomes::{joined, refused};
use crate::support::people::join_request;
use crate::support::race::run_concurrently;
use crate::support::{self, TestApp};

/// Runs all requests concurrently, through the nodes in turn.
async fn join_all(app: &TestApp, requests: impl IntoIterator<Item = JoinRequest>) -> Vec<JoinOutcome> {
    let racers = requests.into_iter().enumerate().map(|(n, request)| {
        let engine = app.nodes[n % app.nodes.len()].engine.clone();
        async move { engine.join(request).await }
    });
    run_concurrently(racers.collect::<Vec<_>>()).await
}

async fn two_nodes() -> (TestApp, support::Person) {
    let app = support::app().nodes(2).start().await;
    let mo = app.merchant("Mo").await;
    (app, mo)
}

#[tokio::test]
async fn the_last_place_goes_to_exactly_one_buyer() {
    let (app, mo) = two_nodes().await;
    let people = app.people("Pat", 50).await;
    for round in 0..4 {
        let deal = app.deal(&mo).tipping_point(1).cap(1).publish().await.id;
        let outcomes = join_all(&app, people.iter().map(|person| join_request(person, deal, 1, "a"))).await;
        let winners = outcomes.iter().filter(|outcome| matches!(outcome, JoinOutcome::Joined(_))).count();
        let losers = outcomes
            .iter()
            .filter(|outcome| matches!(outcome, JoinOutcome::Refused(Refusal::SoldOut | Refusal::PlacesHeld)))
            .count();
        assert_eq!((winners, losers), (1, 49), "round {round}: {outcomes:?}");
        assert_eq!(app.counts(deal).await, (1, 1));
    }
    app.settle_now().await;
    app.assert_clean().await;
}

/// Fifty retries of one request, all answered with the same signup.
#[tokio::test]
async fn concurrent_retries_of_a_join_make_one_signup_even_on_the_last_place() {
    let (app, mo) = two_nodes().await;
    let ann = app.buyer("Ann").await;
    for _ in 0..4 {
        let deal = app.deal(&mo).tipping_point(1).cap(2).publish().await.id;
        let request = join_request(&ann, deal, 2, "a");
        let retries: Vec<_> = join_all(&app, vec![request; 50]).await.into_iter().map(joined).collect();
        let same: HashSet<_> = retries.iter().map(|joined| (joined.id, joined.units, joined.number)).collect();
        assert_eq!(same, HashSet::from([(request.id, 2, 1)]));
        assert_eq!(retries.iter().filter(|joined| !joined.replayed).count(), 1);
        assert_eq!(app.counts(deal).await, (1, 2));
    }
    app.settle_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn concurrent_joins_with_one_key_and_different_units_make_one_signup() {
    let (app, mo) = two_nodes().await;
    let ann = app.buyer("Ann").await;
    let deal = app.deal(&mo).publish().await.id;
    let requests = (0..20).map(|n| join_request(&ann, deal, 1 + n / 2 % 2, "a"));
    let outcomes = join_all(&app, requests).await;
    let units: HashSet<u32> = outcomes
        .iter()
        .filter_map(|o| if let JoinOutcome::Joined(joined) = o { Some(joined.units) } else { None })
        .collect();
    assert_eq!(units.len(), 1);
    let reused = outcomes.iter().filter(|o| matches!(o, JoinOutcome::Refused(Refusal::KeyReused))).count();
    assert_eq!(reused, 10, "{outcomes:?}");
    app.assert_clean().await;
}

#[tokio::test]
async fn the_per_buyer_limit_holds_across_nodes() {
    let (app, mo) = two_nodes().await;
    let ann = app.buyer("Ann").await;
    let deal = app.deal(&mo).per_buyer_max(3).publish().await.id;
    let outcomes = join_all(&app, (0..30).map(|n| join_request(&ann, deal, 1, &format!("{n}")))).await;
    let joined = outcomes.iter().filter(|outcome| matches!(outcome, JoinOutcome::Joined(_))).count();
    let limited = outcomes.iter().filter(|o| matches!(o, JoinOutcome::Refused(Refusal::BuyerLimit { max: 3 }))).count();
    assert_eq!((joined, limited), (3, 27), "{outcomes:?}");
    assert_eq!(app.counts(deal).await, (1, 3));
    app.assert_clean().await;
}

/// A sold-out deal whose figures Redis has.
async fn sold_out(app: &TestApp, mo: &support::Person) -> DealId {
    let deal = app.deal(mo).tipping_point(1).cap(1).publish().await.id;
    joined(app.engine_join(&app.buyer("First").await, deal, 1, "a").await);
    let quota = muster::quota::Keys::new(&app.backend.name).quota(deal);
    wait_until("Redis has the figures of the sold-out deal", async || {
        let units: Option<u32> =
            redis::cmd("HGET").arg(&quota).arg("units").query_async(&mut app.backend.redis().await).await.unwrap();
        units == Some(1)
    })
    .await;
    deal
}

#[tokio::test]
async fn a_refusal_never_waits_behind_a_commit() {
    let app = support::app().with("lanes.count", "1").start().await;
    let mo = app.merchant("Mo").await;
    let (ann, bob) = (app.buyer("Ann").await, app.buyer("Bob").await);
    let full = sold_out(&app, &mo).await;
    let slow = app.deal(&mo).publish().await.id;
    let lock = app.backend.lock_deal(slow).await;
    let stuck = app.engine_join(&ann, slow, 1, "a");
    let others = async {
        wait_until("a batch of the lane is being recorded", async || app.backend.waiting_for_locks().await == 1).await;
        let refusal = refused(app.engine_join(&bob, full, 1, "a").await);
        assert_eq!(app.backend.waiting_for_locks().await, 1, "the batch is still waiting");
        lock.unlock().await;
        refusal
    };
    let (stuck, refusal) = tokio::join!(stuck, others);
    joined(stuck);
    assert_eq!(refusal, Refusal::SoldOut);
    app.settle_now().await;
    app.assert_clean().await;
}
