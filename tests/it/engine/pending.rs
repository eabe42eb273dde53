use std::time::Duration;

use muster::domain::{DealId, JoinOutcome, LeaveOutcome, Refusal};

use crate::support::app::Node;
use crate::support::fault::wait_until;
use crate::support::outcomes::{joined, refused};
use crate::support::people::join_request;
use crate::support::{self, Person, TestApp};

/// Retries until the join is decided, as a client does after `pending`.
async fn join_until_decided(node: &Node, ann: &Person, deal: DealId) -> JoinOutcome {
    loop {
        match node.engine_join(ann, deal, 1, "a").await {
            JoinOutcome::Pending(_) | JoinOutcome::Busy { .. } => {}
            decided => return decided,
        }
    }
}

/// Nodes that answer `pending` quickly.
async fn short_timeouts() -> TestApp {
    support::app().nodes(2).with("lanes.queue_wait_max_ms", "20").with("lanes.reply_after_ms", "40").start().await
}

#[tokio::test]
async fn a_slow_join_is_pending_and_a_retry_returns_its_outcome() {
    let app = short_timeouts().await;
    let (mo, ann, bob) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
    let deal = app.deal(&mo).publish().await.id;
    let id = join_request(&ann, deal, 1, "a").id;
    let lock = app.backend.lock_deal(deal).await;
    assert_eq!(app.engine_join(&ann, deal, 1, "a").await, JoinOutcome::Pending(id));
    wait_until("the join is being recorded", async || app.backend.waiting_for_locks().await == 1).await;
    for node in &app.nodes {
        assert_eq!(node.engine.pending(ann.id, id).await, Some(deal), "every node finds the pending join");
        assert_eq!(node.engine.pending(bob.id, id).await, None, "only its buyer sees the pending join");
        assert_eq!(node.engine_leave(&ann, id).await, LeaveOutcome::Pending);
    }
    lock.unlock().await;
    wait_until("the join is recorded", async || app.store.signup(ann.id, id).await.unwrap().is_some()).await;
    let again = joined(join_until_decided(&app.nodes[1], &ann, deal).await);
    assert_eq!((again.id, again.number, again.replayed), (id, 1, true));
    wait_until("nothing is pending", async || app.engine.pending(ann.id, id).await.is_none()).await;
    wait_until("Ann has left", async || app.engine_leave(&ann, id).await == LeaveOutcome::Left).await;
    app.assert_clean().await;
}

#[tokio::test]
async fn a_pending_join_that_is_refused_stops_being_pending() {
    let app = short_timeouts().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).publish().await.id;
    let lock = app.backend.lock_deal(deal).await;
    let id = join_request(&ann, deal, 1, "a").id;
    assert_eq!(app.engine_join(&ann, deal, 1, "a").await, JoinOutcome::Pending(id));
    // Until the join has a hold, nothing marks it as pending.
    wait_until("the join is being recorded", async || app.backend.waiting_for_locks().await == 1).await;
    // The window ends while the join waits. Postgres reads the clock after it has the lock.
    app.clock.advance(Duration::from_hours(24)).await;
    lock.unlock().await;
    wait_until("nothing is pending", async || app.engine.pending(ann.id, id).await.is_none()).await;
    assert_eq!(refused(join_until_decided(&app, &ann, deal).await), Refusal::Closed);
    wait_until("there is nothing to leave", async || app.engine_leave(&ann, id).await == LeaveOutcome::NoSuchSignup)
        .await;
    app.close_now().await;
    app.assert_clean().await;
}

/// A queued join is decided even if nobody waits for it.
#[tokio::test]
async fn a_client_that_disconnects_does_not_cancel_its_join() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).publish().await.id;
    let id = join_request(&ann, deal, 1, "a").id;
    let lock = app.backend.lock_deal(deal).await;
    let engine = app.engine.clone();
    let request = join_request(&ann, deal, 1, "a");
    let handler = tokio::spawn(async move { engine.join(request).await });
    wait_until("the join is being recorded", async || app.backend.waiting_for_locks().await == 1).await;
    handler.abort();
    assert!(handler.await.unwrap_err().is_cancelled());
    lock.unlock().await;
    wait_until("the join is recorded", async || app.store.signup(ann.id, id).await.unwrap().is_some()).await;
    assert!(joined(app.engine_join(&ann, deal, 1, "a").await).replayed);
    app.engine.drain().await;
    app.assert_clean().await;
}
