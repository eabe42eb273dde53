use std::time::Duration;

use muster::domain::{DealId, DealState, JoinOutcome, Refusal, SignupState};
use muster::engine::Catching;
use muster::quota::Keys;
use redis::AsyncCommands;

use super::with_redis_and_without;
use crate::support::fault::wait_until;
use crate::support::outcomes::{joined, refused};
use crate::support::people::join_request;
use crate::support::{self, Person, TestApp};

/// Asserts that Ann's join of one unit with key "a" still gets its original answer.
async fn assert_replayed(app: &TestApp, ann: &Person, deal: DealId, after: &str) {
    let again = joined(app.engine_join(ann, deal, 1, "a").await);
    assert_eq!((again.id, again.deal, again.units), (join_request(ann, deal, 1, "a").id, deal, 1), "after {after}");
    assert_eq!((again.number, again.replayed), (1, true), "after {after}");
    assert_eq!(again.progress, app.progress(deal).await, "the progress is current");
    assert_eq!(refused(app.engine_join(ann, deal, 2, "a").await), Refusal::KeyReused, "after {after}");
    let signups = app.store.signups_in_deal(ann.id, deal).await.unwrap();
    assert_eq!(signups.len(), 1, "no second signup after {after}");
}

#[tokio::test]
async fn a_key_once_answered_joined_is_always_answered_joined() {
    for app in with_redis_and_without().await {
        let mo = app.merchant("Mo").await;
        let people = app.people("Pat", 4).await;
        let ann = &people[0];
        let deal = app.deal(&mo).tipping_point(3).cap(4).per_buyer_max(2).publish().await.id;
        joined(app.engine_join(ann, deal, 1, "a").await);
        assert_replayed(&app, ann, deal, "nothing").await;
        joined(app.engine_join(&people[1], deal, 1, "a").await);
        assert_replayed(&app, ann, deal, "somebody else joined").await;
        joined(app.engine_join(&people[2], deal, 1, "a").await);
        assert_replayed(&app, ann, deal, "it tipped").await;
        joined(app.engine_join(&people[3], deal, 1, "a").await);
        assert!(app.progress(deal).await.sold_out());
        assert_replayed(&app, ann, deal, "it sold out").await;
        app.settle_now().await;
        assert_replayed(&app, ann, deal, "the coupons were issued").await;
        app.clock.advance(Duration::from_hours(25)).await;
        assert_replayed(&app, ann, deal, "its window").await;
        app.close_now().await;
        assert_eq!(app.progress(deal).await.state, DealState::Succeeded);
        assert_replayed(&app, ann, deal, "it ended").await;
        app.clock.advance(Duration::from_hours(30 * 24)).await;
        app.backend.flush_redis().await;
        assert_replayed(&app, ann, deal, "a month, and an empty Redis").await;
        app.deliver_now().await;
        app.assert_clean().await;
    }
}

#[tokio::test]
async fn a_replay_works_after_the_deal_was_withdrawn() {
    for app in with_redis_and_without().await {
        let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
        let deal = app.deal(&mo).publish().await.id;
        joined(app.engine_join(&ann, deal, 1, "a").await);
        app.engine.withdraw(mo.merchant_id(), deal, "ill").await.unwrap();
        assert_replayed(&app, &ann, deal, "it was taken down").await;
    }
}

#[tokio::test]
async fn a_replay_after_leaving_returns_the_left_signup_and_a_new_key_rejoins() {
    for app in with_redis_and_without().await {
        let (mo, ann, bob) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
        let deal = app.deal(&mo).publish().await.id;
        joined(app.engine_join(&ann, deal, 1, "a").await);
        joined(app.engine_join(&bob, deal, 1, "a").await);
        app.engine_leave(&ann, join_request(&ann, deal, 1, "a").id).await;
        assert_replayed(&app, &ann, deal, "leaving").await;
        assert_eq!(joined(app.engine_join(&ann, deal, 1, "a").await).state, SignupState::Left);
        assert_eq!(app.counts(deal).await, (1, 1), "the old key takes no unit");
        let anew = joined(app.engine_join(&ann, deal, 1, "b").await);
        assert_eq!((anew.number, anew.state, anew.replayed), (2, SignupState::Active, false));
        app.assert_clean().await;
    }
}

#[tokio::test]
async fn a_replay_works_on_another_node_while_redis_is_wiped() {
    let app = support::app().nodes(2).start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 30).await;
    let deal = app.deal(&mo).tipping_point(1).cap(30).publish().await.id;
    let mut first = Vec::new();
    for (n, person) in people.iter().enumerate() {
        first.push(joined(app.nodes[n % 2].engine_join(person, deal, 1, "a").await));
        if n % 7 == 0 {
            app.backend.flush_redis().await;
        }
    }
    app.backend.flush_redis().await;
    for (n, person) in people.iter().enumerate() {
        let again = joined(app.nodes[(n + 1) % 2].engine_join(person, deal, 1, "a").await);
        assert_eq!((again.id, again.number, again.replayed), (first[n].id, first[n].number, true));
    }
    app.assert_clean().await;
}

/// A node recorded a join and died before it updated Redis. Its hold no longer exists.
#[tokio::test]
async fn a_replay_works_when_redis_never_received_the_join() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 3).await;
    let deal = app.deal(&mo).tipping_point(1).cap(3).publish().await.id;
    joined(app.engine_join(&people[0], deal, 1, "a").await);
    let mut dead_node = app.store.lane_connection();
    dead_node.commit_signups(&[join_request(&people[1], deal, 1, "a")]).await.unwrap();
    joined(app.engine_join(&people[2], deal, 1, "a").await);
    assert!(app.progress(deal).await.sold_out());
    let quota = Keys::new(&app.backend.name).quota(deal);
    let mut redis = app.backend.redis().await;
    wait_until("Redis has all three units", async || redis.hget::<_, _, u32>(&quota, "units").await.unwrap() == 3)
        .await;
    let again = joined(app.engine_join(&people[1], deal, 1, "a").await);
    assert_eq!((again.number, again.replayed), (2, true));

    // After the second reconciliation Redis has the missed join, and refuses strangers without Postgres again.
    for _ in 0..2 {
        app.engine.reconcile(Some(Duration::from_mins(1)), Catching::Stragglers).await.unwrap();
    }
    app.backend.sql("ALTER FUNCTION commit_signups RENAME TO out_of_order").await;
    let stranger = app.buyer("Sam").await;
    assert_eq!(refused(app.engine_join(&stranger, deal, 1, "a").await), Refusal::SoldOut, "without Postgres");
    app.backend.sql("ALTER FUNCTION out_of_order RENAME TO commit_signups").await;
    app.assert_clean().await;
}

#[tokio::test]
async fn the_same_key_in_another_deal_is_another_request() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let [one, other] = [app.deal(&mo).publish().await.id, app.deal(&mo).publish().await.id];
    let first = joined(app.engine_join(&ann, one, 1, "a").await);
    let second = joined(app.engine_join(&ann, other, 2, "a").await);
    assert!(first.id != second.id && !second.replayed);
    assert!(matches!(app.engine_join(&ann, one, 2, "a").await, JoinOutcome::Refused(Refusal::KeyReused)));
}
