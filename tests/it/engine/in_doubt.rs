//! Replies of Postgres are lost, or Postgres restarts: the lane retries until it gets a reply, and each join
//! happens once.

use std::collections::HashSet;

use muster::app::startup;
use muster::domain::{DealId, JoinOutcome, LeaveOutcome};
use muster::engine::Engine;
use rand::RngExt;

use crate::support::fault::wait_until;
use crate::support::outcomes::joined;
use crate::support::people::join_request;
use crate::support::proxy::LaneProxy;
use crate::support::rng::seeded_rng;
use crate::support::{self, Person, TestApp};

/// A second engine that reaches Postgres through a proxy. It serves no HTTP.
async fn node_behind_a_proxy(app: &TestApp) -> (Engine, LaneProxy) {
    let proxy = LaneProxy::before(&app.backend);
    let mut config = (*app.config).clone();
    config.postgres.database_url = proxy.url.clone().into();
    config.lanes.count = 1;
    let (engine, _, _) = startup::engine(&config).await.unwrap();
    engine.catch_up_now().await.unwrap();
    (engine, proxy)
}

async fn fixture(people: usize) -> (TestApp, DealId, Vec<Person>) {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", people).await;
    let deal = app.deal(&mo).tipping_point(500).publish().await.id;
    (app, deal, people)
}

#[tokio::test]
async fn a_join_whose_reply_was_lost_is_recorded_once_and_answered_joined() {
    let (app, deal, people) = fixture(2).await;
    let (engine, proxy) = node_behind_a_proxy(&app).await;
    proxy.cut_replies(3);
    let answer = joined(engine.join(join_request(&people[0], deal, 2, "a")).await);
    assert!(proxy.is_done());
    assert_eq!((answer.number, answer.units, answer.replayed), (1, 2, true));
    assert_eq!(app.counts(deal).await, (1, 2));
    app.assert_clean().await;
}

#[tokio::test]
async fn a_join_that_never_reached_postgres_is_retried() {
    let (app, deal, people) = fixture(1).await;
    let (engine, proxy) = node_behind_a_proxy(&app).await;
    proxy.cut_calls(3);
    assert!(!joined(engine.join(join_request(&people[0], deal, 1, "a")).await).replayed);
    assert!(proxy.is_done());
    assert_eq!(app.counts(deal).await, (1, 1));
    app.assert_clean().await;
}

#[tokio::test]
async fn a_leave_whose_reply_was_lost_is_answered_left() {
    let (app, deal, people) = fixture(1).await;
    let (engine, proxy) = node_behind_a_proxy(&app).await;
    let signup = joined(engine.join(join_request(&people[0], deal, 1, "a")).await).id;
    proxy.cut_replies(2);
    assert_eq!(engine.leave(people[0].id, signup).await, LeaveOutcome::Left);
    assert!(proxy.is_done());
    assert_eq!(app.counts(deal).await, (0, 0));
    app.assert_clean().await;
}

#[tokio::test]
async fn batches_survive_any_sequence_of_lost_calls_and_replies() {
    let mut rng = seeded_rng();
    let (app, deal, people) = fixture(60).await;
    let (engine, proxy) = node_behind_a_proxy(&app).await;
    let mut numbers = HashSet::new();
    for some in people.chunks(15) {
        proxy.cut_calls(rng.random_range(0..3));
        proxy.cut_replies(rng.random_range(1..3));
        let joins = some.iter().map(|person| engine.join(join_request(person, deal, 1, "a")));
        for outcome in futures_util::future::join_all(joins).await {
            numbers.insert(joined(outcome).number);
        }
        assert!(proxy.is_done(), "every cut took place");
    }
    assert_eq!(numbers, (1..=60).collect(), "every buyer has a different number");
    assert_eq!(app.counts(deal).await, (60, 60));
    app.assert_clean().await;
}

/// Retries with the same key until the outcome is certain, as a client does.
async fn join_with_retries(engine: Engine, person: Person, deal: DealId) -> muster::domain::Joined {
    let request = join_request(&person, deal, 1, "a");
    loop {
        match engine.join(request).await {
            JoinOutcome::Joined(joined) => return joined,
            JoinOutcome::Busy { .. } | JoinOutcome::Pending(_) => {}
            // Even `NoSuchDeal` is wrong here: without Postgres a node cannot know that a deal does not exist.
            other => panic!("unexpected outcome: {other:?}"),
        }
    }
}

#[tokio::test]
async fn restarting_postgres_under_load_loses_and_duplicates_nothing() {
    let mut app = support::app().with_private_servers().nodes(2).start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 120).await;
    let deal = app.deal(&mo).tipping_point(500).publish().await.id;
    let mut clients = tokio::task::JoinSet::new();
    for (n, person) in people.iter().enumerate() {
        let (engine, person) = (app.nodes[n % 2].engine.clone(), person.clone());
        clients.spawn(async move { (person.id, join_with_retries(engine, person, deal).await) });
        if n % 40 == 39 {
            let so_far = u32::try_from(n / 2).unwrap();
            wait_until("some have joined", async || app.counts(deal).await.0 > so_far).await;
            app.servers().postgres().unwrap().kill().await;
            app.servers().postgres().unwrap().start().await.unwrap();
        }
    }
    let answers = clients.join_all().await;
    let numbers: HashSet<u32> = answers.iter().map(|(_, joined)| joined.number).collect();
    assert_eq!(numbers, (1..=120).collect());
    for (buyer, joined) in &answers {
        let stored = app.store.signup(*buyer, joined.id).await.unwrap().unwrap();
        assert_eq!((stored.number, stored.units), (joined.number, 1));
    }
    assert_eq!(app.counts(deal).await, (120, 120));
    app.assert_clean().await;
}
