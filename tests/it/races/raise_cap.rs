//! A cap is raised while nodes have notes that the deal is sold out, and while the deal is being loaded.

use muster::domain::{DealId, Refusal};
use muster::engine::RaiseCapOutcome;
use muster::quota::{Begun, BuyerUnits, Snapshot};

use crate::support::fault::until;
use crate::support::outcomes::{joined, refused};
use crate::support::{self, Person, TestApp};

/// A deal that two of these people have sold out, told to Redis.
async fn sold_out(app: &TestApp, mo: &Person, people: &[Person]) -> DealId {
    let deal = app.deal(mo).tipping_point(1).cap(2).publish().await.id;
    for person in &people[..2] {
        joined(app.join(person, deal, 1, "a").await);
    }
    app.home.nothing_is_held(deal).await;
    deal
}

/// Node A has a note of who is in the deal. Node B sells the raised cap out. Its buyer retries at A, which must not take them for
/// a stranger.
#[tokio::test]
async fn a_retry_at_another_node_right_after_a_raise_and_a_refill_is_answered_joined() {
    let app = support::app().nodes(2).start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 4).await;
    let (a, b, cid, stranger) = (&app.nodes[0], &app.nodes[1], &people[2], &people[3]);
    let deal = sold_out(&app, &mo, &people).await;
    until("A refuses without asking", async || {
        let first = refused(a.join(stranger, deal, 2, "a").await);
        app.home.forget_everything().await;
        let second = refused(a.join(stranger, deal, 2, "a").await);
        assert_eq!([first, second], [Refusal::SoldOut, Refusal::SoldOut]);
        app.home.keys_of(deal).await.is_empty()
    })
    .await;
    // A stranger goes on asking A, so the note counts for as long as Redis lets it. They want more than the raise adds.
    let mut raise = std::pin::pin!(b.engine.raise_cap(mo.shop(), deal, Some(3)));
    let raised = loop {
        tokio::select! {
            biased;
            raised = &mut raise => break raised.unwrap(),
            outcome = a.join(stranger, deal, 2, "a") => {
                let expected = [Refusal::SoldOut, Refusal::PlacesHeld, Refusal::NotEnoughLeft { available: 1 }];
                assert!(expected.contains(&refused(outcome)), "{outcome:?}");
            }
        }
    };
    assert!(matches!(raised, RaiseCapOutcome::Raised(_)), "{raised:?}");
    let refill = joined(b.join(cid, deal, 1, "a").await);
    let retry = joined(a.join(cid, deal, 1, "a").await);
    assert!(retry.replayed && retry.id == refill.id);
    app.home.nothing_is_held(deal).await;
    assert_eq!(refused(a.join(stranger, deal, 2, "a").await), Refusal::SoldOut);
    app.settle_now().await;
    app.assert_clean().await;
}

/// The snapshot of a load was taken before a raise, and the load finishes after it.
#[tokio::test]
async fn a_load_that_began_before_a_raise_and_finishes_after_it_admits_up_to_the_raised_cap() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 3).await;
    let deal = sold_out(&app, &mo, &people).await;
    app.home.forget_everything().await;
    let quota = muster::startup::quota(&app.config).await.unwrap();
    let Begun::Begun(load) = quota.begin_load(deal).await.unwrap() else { panic!("not begun") };
    let old = app.store.load_snapshot(deal).await.unwrap().unwrap();
    app.engine.raise_cap(mo.shop(), deal, Some(3)).await.unwrap();
    let buyers: Vec<_> = old.buyers.iter().map(|&(buyer, units, rev)| BuyerUnits { buyer, units, rev }).collect();
    load.buyers(&buyers).await.unwrap().unwrap();
    let snapshot = Snapshot { progress: old.progress, opens_at: old.opens_at, now: old.now };
    load.finish(&snapshot).await.unwrap().unwrap();
    joined(app.join(&people[2], deal, 1, "a").await);
    app.settle_now().await;
    app.assert_clean().await;
}
