use std::time::Duration;

use muster::domain::{DealId, JoinOutcome, LeaveOutcome, Refusal};

use crate::support::app::Node;
use crate::support::fault::until;
use crate::support::outcomes::{joined, refused};
use crate::support::people::wish;
use crate::support::{self, Person, TestApp};

/// Asks until it is decided, as a client that is told "pending" does.
async fn ask_again(node: &Node, ann: &Person, deal: DealId) -> JoinOutcome {
    loop {
        match node.join(ann, deal, 1, "a").await {
            JoinOutcome::Pending(_) | JoinOutcome::Busy { .. } => {}
            decided => return decided,
        }
    }
}

/// Impatient: who is not recorded at once is told "pending".
async fn impatient() -> TestApp {
    support::app().nodes(2).with("lanes.queue_wait_max_ms", "20").with("lanes.reply_after_ms", "40").start().await
}

#[tokio::test]
async fn a_join_that_takes_long_is_pending_and_its_outcome_is_learned_by_asking_again() {
    let app = impatient().await;
    let (mo, ann, bob) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
    let deal = app.deal(&mo).publish().await.id;
    let id = wish(&ann, deal, 1, "a").id;
    let lock = app.home.lock_deal(deal).await;
    assert_eq!(app.join(&ann, deal, 1, "a").await, JoinOutcome::Pending(id));
    until("it is on its way", async || app.home.waiting_for_locks().await == 1).await;
    for node in &app.nodes {
        assert_eq!(node.engine.pending(ann.id, id).await, Some(deal), "any node knows");
        assert_eq!(node.engine.pending(bob.id, id).await, None, "but tells nobody else");
        assert_eq!(node.leave(&ann, id).await, LeaveOutcome::Pending);
    }
    lock.unlock().await;
    until("it is recorded", async || app.store.signup(ann.id, id).await.unwrap().is_some()).await;
    let again = joined(ask_again(&app.nodes[1], &ann, deal).await);
    assert_eq!((again.id, again.number, again.replayed), (id, 1, true));
    until("nothing is pending", async || app.engine.pending(ann.id, id).await.is_none()).await;
    until("Ann has left", async || app.leave(&ann, id).await == LeaveOutcome::Left).await;
    app.assert_clean().await;
}

#[tokio::test]
async fn a_pending_join_that_is_refused_in_the_end_is_pending_no_more() {
    let app = impatient().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).publish().await.id;
    let lock = app.home.lock_deal(deal).await;
    let id = wish(&ann, deal, 1, "a").id;
    assert_eq!(app.join(&ann, deal, 1, "a").await, JoinOutcome::Pending(id));
    // Before it holds a place, nothing says that it is pending.
    until("it is on its way", async || app.home.waiting_for_locks().await == 1).await;
    // Its window ends while it waits; Postgres looks at the clock after it has the lock.
    app.clock.advance(Duration::from_hours(24)).await;
    lock.unlock().await;
    until("nothing is pending", async || app.engine.pending(ann.id, id).await.is_none()).await;
    assert_eq!(refused(ask_again(&app, &ann, deal).await), Refusal::Closed);
    until("there is nothing to leave", async || app.leave(&ann, id).await == LeaveOutcome::NoSuchSignup).await;
    app.close_now().await;
    app.assert_clean().await;
}

/// What is queued is decided, whether somebody still waits for it or not.
#[tokio::test]
async fn a_client_who_goes_away_changes_nothing() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).publish().await.id;
    let id = wish(&ann, deal, 1, "a").id;
    let lock = app.home.lock_deal(deal).await;
    let engine = app.engine.clone();
    let request = wish(&ann, deal, 1, "a");
    let handler = tokio::spawn(async move { engine.join(request).await });
    until("it is on its way", async || app.home.waiting_for_locks().await == 1).await;
    handler.abort();
    assert!(handler.await.unwrap_err().is_cancelled());
    lock.unlock().await;
    until("it is recorded", async || app.store.signup(ann.id, id).await.unwrap().is_some()).await;
    assert!(joined(app.join(&ann, deal, 1, "a").await).replayed);
    app.engine.drain().await;
    app.assert_clean().await;
}
