//! A cap is raised while nodes have notes that the deal is sold out, and while the deal is being loaded.

use muster::domain::{DealId, Refusal};
use muster::engine::RaiseCapOutcome;
use muster::quota::{Begun, BuyerUnits, Snapshot};

use crate::support::fault::wait_until;
use crate::support::outcomes::{joined, refused};
use crate::support::{self, Person, TestApp};

/// A deal that is sold out to the first two people, with its figures in Redis.
async fn sold_out(app: &TestApp, mo: &Person, people: &[Person]) -> DealId {
    let deal = app.deal(mo).tipping_point(1).cap(2).publish().await.id;
    for person in &people[..2] {
        joined(app.engine_join(person, deal, 1, "a").await);
    }
    app.backend.wait_until_nothing_is_held(deal).await;
    deal
}

/// Node A has a note of the deal's buyers. Node B sells the raised cap out. Its buyer retries at A, which must not
/// treat them as a stranger.
#[tokio::test]
async fn a_retry_at_another_node_after_a_raise_and_a_refill_is_answered_joined() {
    let app = support::app().nodes(2).start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 4).await;
    let (a, b, cid, stranger) = (&app.nodes[0], &app.nodes[1], &people[2], &people[3]);
    let deal = sold_out(&app, &mo, &people).await;
    wait_until("A refuses without Redis", async || {
        let first = refused(a.engine_join(stranger, deal, 2, "a").await);
        app.backend.flush_redis().await;
        let second = refused(a.engine_join(stranger, deal, 2, "a").await);
        assert_eq!([first, second], [Refusal::SoldOut, Refusal::SoldOut]);
        app.backend.keys_of(deal).await.is_empty()
    })
    .await;
    // A stranger keeps joining at A, so A renews its note for as long as Redis allows. They want more than the raise
    // adds.
    let mut raise = std::pin::pin!(b.engine.raise_cap(mo.merchant_id(), deal, Some(3)));
    let raised = loop {
        tokio::select! {
            biased;
            raised = &mut raise => break raised.unwrap(),
            outcome = a.engine_join(stranger, deal, 2, "a") => {
                let expected = [Refusal::SoldOut, Refusal::PlacesHeld, Refusal::NotEnoughLeft { available: 1 }];
                assert!(expected.contains(&refused(outcome)), "{outcome:?}");
            }
        }
    };
    assert!(matches!(raised, RaiseCapOutcome::Raised(_)), "{raised:?}");
    let refill = joined(b.engine_join(cid, deal, 1, "a").await);
    let retry = joined(a.engine_join(cid, deal, 1, "a").await);
    assert!(retry.replayed && retry.id == refill.id);
    app.backend.wait_until_nothing_is_held(deal).await;
    assert_eq!(refused(a.engine_join(stranger, deal, 2, "a").await), Refusal::SoldOut);
    app.settle_now().await;
    app.assert_clean().await;
}

/// The snapshot of a load is from before a raise, and the load finishes after it.
#[tokio::test]
async fn a_load_that_spans_a_raise_admits_up_to_the_raised_cap() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 3).await;
    let deal = sold_out(&app, &mo, &people).await;
    app.backend.flush_redis().await;
    let quota = muster::app::startup::quota(&app.config).await.unwrap();
    let Begun::Begun(load) = quota.begin_load(deal).await.unwrap() else { panic!("not begun") };
    let old = app.store.load_snapshot(deal).await.unwrap().unwrap();
    app.engine.raise_cap(mo.merchant_id(), deal, Some(3)).await.unwrap();
    let buyers: Vec<_> = old.buyers.iter().map(|&(buyer, units, rev)| BuyerUnits { buyer, units, rev }).collect();
    load.buyers(&buyers).await.unwrap().unwrap();
    let snapshot = Snapshot { progress: old.progress, opens_at: old.opens_at, now: old.now };
    load.finish(&snapshot).await.unwrap().unwrap();
    joined(app.engine_join(&people[2], deal, 1, "a").await);
    app.settle_now().await;
    app.assert_clean().await;
}
