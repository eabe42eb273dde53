use std::time::Duration;

use muster::domain::{DealId, DealState};
use muster::engine::PublishOutcome;

use crate::support::outcomes::joined;
use crate::support::{self};

#[tokio::test]
async fn a_draft_is_published_once_and_then_sells() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let draft = app.deal(&mo).draft().await;
    // Somebody who knows the id asks too early: that must not be in the way afterwards.
    app.join(&ann, draft.id, 1, "a").await;
    let PublishOutcome::Published(deal) = app.engine.publish(mo.shop(), draft.id).await.unwrap() else {
        panic!("not published")
    };
    assert_eq!((deal.progress.state, deal.progress.rev), (DealState::Open, 2));
    assert!(deal.lifecycle.is_public() && deal.version > draft.version);
    assert_eq!(app.engine.publish(mo.shop(), draft.id).await.unwrap(), PublishOutcome::NotDraft);
    joined(app.join(&ann, draft.id, 1, "a").await);
    app.assert_clean().await;
}

#[tokio::test]
async fn only_its_merchant_publishes_it_and_only_while_its_window_is_ahead() {
    let app = support::app().start().await;
    let (mo, jo) = (app.merchant("Mo").await, app.merchant("Jo").await);
    let draft = app.deal(&mo).draft().await.id;
    assert_eq!(app.engine.publish(jo.shop(), draft).await.unwrap(), PublishOutcome::NoSuchDeal);
    assert_eq!(app.engine.publish(mo.shop(), DealId::generate()).await.unwrap(), PublishOutcome::NoSuchDeal);
    app.clock.advance(Duration::from_hours(24)).await;
    assert_eq!(app.engine.publish(mo.shop(), draft).await.unwrap(), PublishOutcome::WindowOver);
    assert_eq!(app.progress(draft).await.state, DealState::Draft);
}

#[tokio::test]
async fn one_of_many_concurrent_publishes_succeeds() {
    let app = support::app().nodes(2).start().await;
    let mo = app.merchant("Mo").await;
    let draft = app.deal(&mo).draft().await.id;
    let merchants = (0..10).map(|n| {
        let (engine, mo) = (app.nodes[n % 2].engine.clone(), mo.shop());
        async move { engine.publish(mo, draft).await.unwrap() }
    });
    let outcomes = support::race::at_once(merchants).await;
    let published = outcomes.iter().filter(|outcome| matches!(outcome, PublishOutcome::Published(_))).count();
    assert_eq!(published, 1, "{outcomes:?}");
    assert_eq!(app.progress(draft).await.rev, 2);
}
