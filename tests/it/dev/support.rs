//! Tests of the test support itself.

use std::time::Duration;

use muster::domain::{DealState, JoinOutcome, Refusal};

use crate::support;

#[tokio::test]
async fn nodes_of_one_test_share_data_that_other_tests_do_not_see() {
    let app = support::app().nodes(2).start().await;
    let other = support::app().start().await;
    let merchant = app.merchant("Mo").await;
    let deal = app.deal(&merchant).tipping_point(2).publish().await;
    let people = app.people("Ann", 2).await;

    for (node, person) in app.nodes.iter().zip(&people) {
        let outcome = node.engine_join(person, deal.id, 1, "1").await;
        assert!(matches!(outcome, JoinOutcome::Joined(_)), "{outcome:?}");
    }
    assert_eq!(app.store.deal(deal.id).await.unwrap().unwrap().progress.state, DealState::Tipped);
    assert!(other.store.deal(deal.id).await.unwrap().is_none());
    app.settle_now().await;
    app.deliver_now().await;
    assert!(!app.mails().is_empty(), "the buyers get mail");
}

#[tokio::test]
async fn advancing_the_clock_moves_postgres_and_the_nodes() {
    let app = support::app().start().await;
    let merchant = app.merchant("Mo").await;
    let deal = app.deal(&merchant).closes_in(Duration::from_hours(2)).publish().await;
    app.close_now().await;
    assert_eq!(app.store.deal(deal.id).await.unwrap().unwrap().progress.state, DealState::Open);

    app.clock.advance(Duration::from_hours(3)).await;
    let ann = app.buyer("Ann").await;
    let outcome = app.engine_join(&ann, deal.id, 1, "1").await;
    assert!(matches!(outcome, JoinOutcome::Refused(Refusal::Closed)), "{outcome:?}");
    app.close_now().await;
    assert_eq!(app.store.deal(deal.id).await.unwrap().unwrap().progress.state, DealState::Failed);
}

#[tokio::test]
async fn a_node_serves_http_and_stops_on_request() {
    let mut app = support::app().start().await;
    assert_eq!(app.get("/healthz").send().await.unwrap().status(), 200);
    app.nodes[0].stop().await;
    assert!(app.get("/healthz").send().await.is_err());
}
