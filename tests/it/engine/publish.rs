use std::time::Duration;

use muster::domain::{DealId, DealState};
use muster::engine::PublishOutcome;

use crate::support::outcomes::joined;
use crate::support::{self};

#[tokio::test]
async fn a_draft_is_published_once_and_can_then_be_joined() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let draft = app.deal(&mo).draft().await;
    // A join before the deal is published must leave nothing behind that prevents later joins.
    app.engine_join(&ann, draft.id, 1, "a").await;
    let PublishOutcome::Published(deal) = app.engine.publish(mo.merchant_id(), draft.id).await.unwrap() else {
        panic!("not published")
    };
    assert_eq!((deal.progress.state, deal.progress.rev), (DealState::Open, 2));
    assert!(deal.lifecycle.is_public() && deal.version > draft.version);
    assert_eq!(app.engine.publish(mo.merchant_id(), draft.id).await.unwrap(), PublishOutcome::NotDraft);
    joined(app.engine_join(&ann, draft.id, 1, "a").await);
    app.assert_clean().await;
}

#[tokio::test]
async fn only_its_merchant_can_publish_a_deal_and_only_before_its_window_ends() {
    let app = support::app().start().await;
    let (mo, jo) = (app.merchant("Mo").await, app.merchant("Jo").await);
    let draft = app.deal(&mo).draft().await.id;
    assert_eq!(app.engine.publish(jo.merchant_id(), draft).await.unwrap(), PublishOutcome::NoSuchDeal);
    assert_eq!(app.engine.publish(mo.merchant_id(), DealId::generate()).await.unwrap(), PublishOutcome::NoSuchDeal);
    app.clock.advance(Duration::from_hours(24)).await;
    assert_eq!(app.engine.publish(mo.merchant_id(), draft).await.unwrap(), PublishOutcome::WindowOver);
    assert_eq!(app.progress(draft).await.state, DealState::Draft);
}

#[tokio::test]
async fn concurrent_publishes_succeed_once() {
    let app = support::app().nodes(2).start().await;
    let mo = app.merchant("Mo").await;
    let draft = app.deal(&mo).draft().await.id;
    let merchants = (0..10).map(|n| {
        let (engine, mo) = (app.nodes[n % 2].engine.clone(), mo.merchant_id());
        async move { engine.publish(mo, draft).await.unwrap() }
    });
    let outcomes = support::race::run_concurrently(merchants).await;
    let published = outcomes.iter().filter(|outcome| matches!(outcome, PublishOutcome::Published(_))).count();
    assert_eq!(published, 1, "{outcomes:?}");
    assert_eq!(app.progress(draft).await.rev, 2);
}
