use muster::domain::{DealId, JoinOutcome, Refusal};

use crate::support::fault::until;
use crate::support::outcomes::{joined, refused};
use crate::support::{self, Person, TestApp};

/// A deal of two that Ann and Bob are in, and the node's note of it: strangers are refused without a look at Redis.
async fn noted(app: &TestApp, people: &[Person]) -> DealId {
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).tipping_point(1).cap(2).per_buyer_max(2).publish().await.id;
    for person in &people[..2] {
        joined(app.join(person, deal, 1, "a").await);
    }
    app.home.nothing_is_held(deal).await;
    until("a refusal asks nobody", async || {
        let first = refused(app.join(&people[2], deal, 1, "a").await);
        app.home.forget_everything().await;
        let second = refused(app.join(&people[2], deal, 1, "a").await);
        assert_eq!([first, second], [Refusal::SoldOut, Refusal::SoldOut]);
        app.home.keys_of(deal).await.is_empty()
    })
    .await;
    deal
}

#[tokio::test]
async fn a_stranger_to_a_deal_that_is_sold_out_is_refused_by_the_node_alone_and_its_buyers_are_not() {
    let app = support::app().start().await;
    let people = app.people("Pat", 3).await;
    let deal = noted(&app, &people).await;
    for person in &people[..2] {
        assert!(joined(app.join(person, deal, 1, "a").await).replayed);
        assert_eq!(refused(app.join(person, deal, 2, "a").await), Refusal::KeyReused);
        assert_eq!(refused(app.join(person, deal, 1, "b").await), Refusal::SoldOut);
    }
    app.settle_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn a_deal_that_was_sold_out_and_is_over_is_closed() {
    let app = support::app().nodes(2).start().await;
    let people = app.people("Pat", 3).await;
    let deal = noted(&app, &people).await;
    app.settle_now().await;
    app.clock.advance(std::time::Duration::from_hours(25)).await;
    // At once: the note says until when it counts.
    assert_eq!(refused(app.join(&people[2], deal, 1, "a").await), Refusal::Closed);
}

#[tokio::test]
async fn that_a_deal_was_taken_down_elsewhere_is_noticed_though_it_was_sold_out() {
    let app = support::app().nodes(2).start().await;
    let people = app.people("Pat", 3).await;
    let deal = noted(&app, &people).await;
    let merchant = app.store.deal(deal).await.unwrap().unwrap().merchant;
    app.nodes[1].engine.withdraw(merchant, deal, "ill").await.unwrap();
    until("a stranger hears that it is closed", async || {
        app.join(&people[2], deal, 1, "a").await == JoinOutcome::Refused(Refusal::Closed)
    })
    .await;
    app.assert_clean().await;
}
