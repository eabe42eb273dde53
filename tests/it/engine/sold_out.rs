use muster::domain::{DealId, JoinOutcome, Refusal};

use crate::support::fault::wait_until;
use crate::support::outcomes::{joined, refused};
use crate::support::{self, Person, TestApp};

/// A sold-out deal with two buyers and the node's note about it: strangers are refused without Redis.
async fn sold_out_with_note(app: &TestApp, people: &[Person]) -> DealId {
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).tipping_point(1).cap(2).per_buyer_max(2).publish().await.id;
    for person in &people[..2] {
        joined(app.engine_join(person, deal, 1, "a").await);
    }
    app.backend.wait_until_nothing_is_held(deal).await;
    wait_until("a refusal does not use Redis", async || {
        let first = refused(app.engine_join(&people[2], deal, 1, "a").await);
        app.backend.flush_redis().await;
        let second = refused(app.engine_join(&people[2], deal, 1, "a").await);
        assert_eq!([first, second], [Refusal::SoldOut, Refusal::SoldOut]);
        app.backend.keys_of(deal).await.is_empty()
    })
    .await;
    deal
}

#[tokio::test]
async fn a_node_alone_refuses_strangers_to_a_sold_out_deal_but_not_its_buyers() {
    let app = support::app().start().await;
    let people = app.people("Pat", 3).await;
    let deal = sold_out_with_note(&app, &people).await;
    for person in &people[..2] {
        assert!(joined(app.engine_join(person, deal, 1, "a").await).replayed);
        assert_eq!(refused(app.engine_join(person, deal, 2, "a").await), Refusal::KeyReused);
        assert_eq!(refused(app.engine_join(person, deal, 1, "b").await), Refusal::SoldOut);
    }
    app.settle_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn a_sold_out_deal_is_closed_after_its_deadline() {
    let app = support::app().nodes(2).start().await;
    let people = app.people("Pat", 3).await;
    let deal = sold_out_with_note(&app, &people).await;
    app.settle_now().await;
    app.clock.advance(std::time::Duration::from_hours(25)).await;
    // The note itself expires at the deadline.
    assert_eq!(refused(app.engine_join(&people[2], deal, 1, "a").await), Refusal::Closed);
}

#[tokio::test]
async fn a_sold_out_deal_withdrawn_on_another_node_becomes_closed() {
    let app = support::app().nodes(2).start().await;
    let people = app.people("Pat", 3).await;
    let deal = sold_out_with_note(&app, &people).await;
    let merchant = app.store.deal(deal).await.unwrap().unwrap().merchant;
    app.nodes[1].engine.withdraw(merchant, deal, "ill").await.unwrap();
    wait_until("a stranger is refused because the deal is closed", async || {
        app.engine_join(&people[2], deal, 1, "a").await == JoinOutcome::Refused(Refusal::Closed)
    })
    .await;
    app.assert_clean().await;
}
