//! Postgres' answer gets lost, and Postgres itself: what was sent is sent again until it is answered, and happens once.

use std::collections::HashSet;

use muster::domain::{DealId, JoinOutcome, LeaveOutcome};
use muster::engine::Engine;
use muster::startup;
use rand::RngExt;

use crate::support::chance::chance;
use crate::support::fault::until;
use crate::support::outcomes::joined;
use crate::support::people::wish;
use crate::support::proxy::Proxy;
use crate::support::{self, Person, TestApp};

/// A second node, whose way to Postgres leads through a proxy; without a server of its own.
async fn node_behind_a_proxy(app: &TestApp) -> (Engine, Proxy) {
    let proxy = Proxy::before(&app.home);
    let mut config = (*app.config).clone();
    config.postgres.database_url = proxy.url.clone().into();
    config.lanes.count = 1;
    let (engine, _, _) = startup::engine(&config).await.unwrap();
    engine.catch_up_now().await.unwrap();
    (engine, proxy)
}

async fn scene(people: usize) -> (TestApp, DealId, Vec<Person>) {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", people).await;
    let deal = app.deal(&mo).tipping_point(500).publish().await.id;
    (app, deal, people)
}

#[tokio::test]
async fn a_join_whose_answer_was_lost_is_recorded_once_and_answered_joined() {
    let (app, deal, people) = scene(2).await;
    let (engine, proxy) = node_behind_a_proxy(&app).await;
    proxy.cut_replies(3);
    let told = joined(engine.join(wish(&people[0], deal, 2, "a")).await);
    assert!(proxy.is_done());
    assert_eq!((told.number, told.units, told.replayed), (1, 2, true));
    assert_eq!(app.counts(deal).await, (1, 2));
    app.assert_clean().await;
}

#[tokio::test]
async fn a_join_that_never_arrived_is_sent_again() {
    let (app, deal, people) = scene(1).await;
    let (engine, proxy) = node_behind_a_proxy(&app).await;
    proxy.cut_calls(3);
    assert!(!joined(engine.join(wish(&people[0], deal, 1, "a")).await).replayed);
    assert!(proxy.is_done());
    assert_eq!(app.counts(deal).await, (1, 1));
    app.assert_clean().await;
}

#[tokio::test]
async fn a_leave_whose_answer_was_lost_has_left() {
    let (app, deal, people) = scene(1).await;
    let (engine, proxy) = node_behind_a_proxy(&app).await;
    let signup = joined(engine.join(wish(&people[0], deal, 1, "a")).await).id;
    proxy.cut_replies(2);
    assert_eq!(engine.leave(people[0].id, signup).await, LeaveOutcome::Left);
    assert!(proxy.is_done());
    assert_eq!(app.counts(deal).await, (0, 0));
    app.assert_clean().await;
}

#[tokio::test]
async fn whole_batches_survive_any_row_of_lost_calls_and_answers() {
    let mut chance = chance();
    let (app, deal, people) = scene(60).await;
    let (engine, proxy) = node_behind_a_proxy(&app).await;
    let mut numbers = HashSet::new();
    for some in people.chunks(15) {
        proxy.cut_calls(chance.random_range(0..3));
        proxy.cut_replies(chance.random_range(0..3));
        let joins = some.iter().map(|person| engine.join(wish(person, deal, 1, "a")));
        for outcome in futures_util::future::join_all(joins).await {
            numbers.insert(joined(outcome).number);
        }
    }
    assert_eq!(numbers, (1..=60).collect(), "everybody has a number of their own");
    assert_eq!(app.counts(deal).await, (60, 60));
    app.assert_clean().await;
}

/// A client that asks again with its key until it is told the outcome.
async fn join_patiently(engine: Engine, person: Person, deal: DealId) -> muster::domain::Joined {
    let request = wish(&person, deal, 1, "a");
    loop {
        match engine.join(request).await {
            JoinOutcome::Joined(joined) => return joined,
            JoinOutcome::Busy { .. } | JoinOutcome::Pending(_) => {}
            // Without Postgres nobody knows which deals there are.
            other => panic!("told {other:?}"),
        }
    }
}

#[tokio::test]
async fn postgres_killed_and_started_again_under_load_loses_and_doubles_nothing() {
    let mut app = support::app().with_private_servers().nodes(2).start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 120).await;
    let deal = app.deal(&mo).tipping_point(500).publish().await.id;
    let mut clients = tokio::task::JoinSet::new();
    for (n, person) in people.iter().enumerate() {
        let (engine, person) = (app.nodes[n % 2].engine.clone(), person.clone());
        clients.spawn(async move { (person.id, join_patiently(engine, person, deal).await) });
        if n % 40 == 39 {
            let so_far = u32::try_from(n / 2).unwrap();
            until("some have joined", async || app.counts(deal).await.0 > so_far).await;
            app.servers().postgres().unwrap().kill().await;
            app.servers().postgres().unwrap().start().await.unwrap();
        }
    }
    let told = clients.join_all().await;
    let numbers: HashSet<u32> = told.iter().map(|(_, joined)| joined.number).collect();
    assert_eq!(numbers, (1..=120).collect());
    for (buyer, joined) in &told {
        let stored = app.store.signup(*buyer, joined.id).await.unwrap().unwrap();
        assert_eq!((stored.number, stored.units), (joined.number, 1));
    }
    assert_eq!(app.counts(deal).await, (120, 120));
    app.assert_clean().await;
}
