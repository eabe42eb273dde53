use std::time::Duration;

use muster::domain::{DealId, DealState, JoinOutcome, Refusal};

use super::with_redis_and_without;
use crate::support::outcomes::{joined, refused};
use crate::support::{self};

#[tokio::test]
async fn a_join_is_recorded_numbered_and_answered_with_the_deals_progress() {
    for app in with_redis_and_without().await {
        let mo = app.merchant("Mo").await;
        let deal = app.deal(&mo).tipping_point(3).cap(10).publish().await;
        let (ann, bob) = (app.buyer("Ann").await, app.buyer("Bob").await);

        let first = joined(app.engine_join(&ann, deal.id, 2, "a").await);
        assert_eq!((first.number, first.units, first.replayed), (1, 2, false));
        assert_eq!((first.progress.buyers, first.progress.units, first.progress.left()), (1, 2, Some(8)));
        let again = joined(app.engine_join(&ann, deal.id, 1, "b").await);
        assert_eq!((again.number, again.progress.buyers), (1, 1), "a buyer is counted once");
        let second = joined(app.engine_join(&bob, deal.id, 1, "a").await);
        assert_eq!((second.number, second.progress.units), (2, 4), "the same key of another buyer is another request");
        assert_eq!(second.progress, app.progress(deal.id).await);

        let stored = app.store.signup(ann.id, first.id).await.unwrap().unwrap();
        assert_eq!((stored.units, stored.number, stored.buyer), (2, 1, ann.id));
        app.assert_clean().await;
    }
}

#[tokio::test]
async fn joining_an_unknown_deal_or_a_draft_fails_and_leaves_nothing_in_redis() {
    for app in with_redis_and_without().await {
        let mo = app.merchant("Mo").await;
        let ann = app.buyer("Ann").await;
        let draft = app.deal(&mo).draft().await;
        for deal in [draft.id, DealId::generate()] {
            assert_eq!(app.engine_join(&ann, deal, 1, "a").await, JoinOutcome::NoSuchDeal);
            assert_eq!(app.backend.keys_of(deal).await, [""; 0]);
        }
    }
}

#[tokio::test]
async fn a_deal_can_be_joined_only_between_opening_and_closing() {
    for app in with_redis_and_without().await {
        let mo = app.merchant("Mo").await;
        let (ann, bob) = (app.buyer("Ann").await, app.buyer("Bob").await);
        let later = app.deal(&mo).opens_in(Duration::from_hours(1)).publish().await;
        assert_eq!(refused(app.engine_join(&ann, later.id, 1, "a").await), Refusal::NotOpen);
        app.clock.advance(Duration::from_hours(2)).await;
        joined(app.engine_join(&ann, later.id, 1, "a").await);
        app.clock.advance(Duration::from_hours(23)).await;
        assert_eq!(refused(app.engine_join(&bob, later.id, 1, "a").await), Refusal::Closed);
        app.close_now().await;
        assert_eq!(app.progress(later.id).await.state, DealState::Failed);
        assert_eq!(refused(app.engine_join(&bob, later.id, 1, "b").await), Refusal::Closed);

        let withdrawn = app.deal(&mo).publish().await;
        app.engine.withdraw(mo.merchant_id(), withdrawn.id, "ill").await.unwrap();
        assert_eq!(refused(app.engine_join(&bob, withdrawn.id, 1, "a").await), Refusal::Closed);
        app.assert_clean().await;
    }
}

#[tokio::test]
async fn exactly_the_remaining_units_can_be_taken() {
    for app in with_redis_and_without().await {
        let mo = app.merchant("Mo").await;
        let people = app.people("Pat", 4).await;
        let deal = app.deal(&mo).tipping_point(1).cap(5).publish().await;
        joined(app.engine_join(&people[0], deal.id, 3, "a").await);
        app.backend.wait_until_nothing_is_held(deal.id).await;
        assert_eq!(
            refused(app.engine_join(&people[1], deal.id, 3, "a").await),
            Refusal::NotEnoughLeft { available: 2 }
        );
        joined(app.engine_join(&people[2], deal.id, 2, "a").await);
        app.backend.wait_until_nothing_is_held(deal.id).await;
        assert_eq!(refused(app.engine_join(&people[1], deal.id, 1, "a").await), Refusal::SoldOut);
        // A known buyer gets the same refusal, although only Postgres may refuse them.
        assert_eq!(refused(app.engine_join(&people[0], deal.id, 1, "b").await), Refusal::SoldOut);
        assert_eq!(app.counts(deal.id).await, (2, 5));
        app.assert_clean().await;
    }
}

#[tokio::test]
async fn a_buyer_cannot_exceed_the_per_buyer_limit() {
    for app in with_redis_and_without().await {
        let mo = app.merchant("Mo").await;
        let ann = app.buyer("Ann").await;
        let deal = app.deal(&mo).tipping_point(2).cap(50).per_buyer_max(4).publish().await;
        let limit = Refusal::BuyerLimit { max: 4 };
        assert_eq!(refused(app.engine_join(&ann, deal.id, 5, "a").await), limit);
        joined(app.engine_join(&ann, deal.id, 3, "b").await);
        assert_eq!(refused(app.engine_join(&ann, deal.id, 2, "c").await), limit);
        joined(app.engine_join(&ann, deal.id, 1, "d").await);
        assert_eq!(refused(app.engine_join(&ann, deal.id, 1, "e").await), limit);
        assert_eq!(app.counts(deal.id).await, (1, 4));
        app.assert_clean().await;
    }
}

#[tokio::test]
async fn an_open_deal_keeps_enough_units_to_tip() {
    for app in with_redis_and_without().await {
        let mo = app.merchant("Mo").await;
        let people = app.people("Pat", 4).await;
        let deal = app.deal(&mo).tipping_point(3).cap(5).per_buyer_max(5).publish().await;
        assert_eq!(
            refused(app.engine_join(&people[0], deal.id, 4, "a").await),
            Refusal::NotEnoughLeft { available: 3 }
        );
        joined(app.engine_join(&people[0], deal.id, 3, "b").await);
        app.backend.wait_until_nothing_is_held(deal.id).await;
        // Two units are left for the two buyers who are still needed, so a buyer with a signup gets none.
        assert_eq!(
            refused(app.engine_join(&people[0], deal.id, 1, "c").await),
            Refusal::NotEnoughLeft { available: 0 }
        );
        assert_eq!(
            refused(app.engine_join(&people[1], deal.id, 2, "a").await),
            Refusal::NotEnoughLeft { available: 1 }
        );
        joined(app.engine_join(&people[1], deal.id, 1, "b").await);
        let last = joined(app.engine_join(&people[2], deal.id, 1, "a").await);
        assert_eq!((last.progress.state, last.number), (DealState::Tipped, 3));
        app.backend.wait_until_nothing_is_held(deal.id).await;
        assert_eq!(refused(app.engine_join(&people[3], deal.id, 1, "a").await), Refusal::SoldOut);
        app.assert_clean().await;
    }
}

#[tokio::test]
async fn a_key_that_was_refused_may_succeed_later() {
    for app in with_redis_and_without().await {
        let mo = app.merchant("Mo").await;
        let (ann, bob) = (app.buyer("Ann").await, app.buyer("Bob").await);
        let deal = app.deal(&mo).tipping_point(2).cap(3).per_buyer_max(3).publish().await;
        let anns = joined(app.engine_join(&ann, deal.id, 2, "a").await);
        let key = "the-same";
        app.backend.wait_until_nothing_is_held(deal.id).await;
        assert_eq!(refused(app.engine_join(&bob, deal.id, 2, key).await), Refusal::NotEnoughLeft { available: 1 });
        app.engine_leave(&ann, anns.id).await;
        app.reconcile_now().await;
        assert_eq!(joined(app.engine_join(&bob, deal.id, 2, key).await).number, 1);
    }
}

#[tokio::test]
async fn a_join_is_refused_while_every_free_place_is_held() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let (ann, bob) = (app.buyer("Ann").await, app.buyer("Bob").await);
    let deal = app.deal(&mo).tipping_point(1).cap(1).publish().await;
    let lock = app.backend.lock_deal(deal.id).await;
    let (app, deal) = (&app, deal.id);
    let anns = app.engine_join(&ann, deal, 1, "a");
    let bobs = async {
        support::fault::wait_until("Ann's join is being recorded", async || app.backend.waiting_for_locks().await == 1)
            .await;
        let refusal = refused(app.engine_join(&bob, deal, 1, "a").await);
        lock.unlock().await;
        refusal
    };
    let (anns, refusal) = tokio::join!(anns, bobs);
    assert_eq!(refusal, Refusal::PlacesHeld);
    joined(anns);
    app.assert_clean().await;
    assert_eq!(refused(app.engine_join(&bob, deal, 1, "a").await), Refusal::SoldOut);
}
