use std::time::Duration;

use muster::domain::{LeaveOutcome, SignupId};

use super::with_redis_and_without;
use crate::support::outcomes::joined;

#[tokio::test]
async fn leaving_frees_the_places_and_leaving_twice_is_the_same_as_once() {
    for app in with_redis_and_without().await {
        let (mo, ann, bob) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
        let deal = app.deal(&mo).tipping_point(3).cap(10).per_buyer_max(3).publish().await.id;
        let anns = joined(app.join(&ann, deal, 3, "a").await);
        joined(app.join(&bob, deal, 2, "a").await);
        let before = app.progress(deal).await;
        assert_eq!(app.leave(&ann, anns.id).await, LeaveOutcome::Left);
        assert_eq!(app.counts(deal).await, (1, 2));
        assert_eq!(app.progress(deal).await.rev, before.rev + 1);
        assert_eq!(app.leave(&ann, anns.id).await, LeaveOutcome::Left);
        assert_eq!(app.progress(deal).await.rev, before.rev + 1, "the second time changes nothing");
        joined(app.join(&ann, deal, 3, "b").await);
        assert_eq!(app.counts(deal).await, (2, 5), "the limit is free again, too");
        app.assert_clean().await;
    }
}

#[tokio::test]
async fn a_buyer_who_leaves_one_of_two_signups_still_counts() {
    for app in with_redis_and_without().await {
        let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
        let deal = app.deal(&mo).tipping_point(3).publish().await.id;
        let [one, two] = [joined(app.join(&ann, deal, 1, "a").await), joined(app.join(&ann, deal, 2, "b").await)];
        assert_eq!(app.leave(&ann, one.id).await, LeaveOutcome::Left);
        assert_eq!(app.counts(deal).await, (1, 2));
        assert_eq!(app.leave(&ann, two.id).await, LeaveOutcome::Left);
        assert_eq!(app.counts(deal).await, (0, 0));
        app.assert_clean().await;
    }
}

#[tokio::test]
async fn after_the_tip_nobody_can_leave_and_earlier_leaves_stay() {
    for app in with_redis_and_without().await {
        let mo = app.merchant("Mo").await;
        let people = app.people("Pat", 3).await;
        let deal = app.deal(&mo).tipping_point(2).publish().await.id;
        let early = joined(app.join(&people[0], deal, 1, "a").await);
        app.leave(&people[0], early.id).await;
        let stays = joined(app.join(&people[1], deal, 1, "a").await);
        joined(app.join(&people[2], deal, 1, "a").await);
        assert_eq!(app.leave(&people[1], stays.id).await, LeaveOutcome::AlreadyTipped);
        assert_eq!(app.leave(&people[0], early.id).await, LeaveOutcome::Left);
        assert_eq!(app.counts(deal).await, (2, 2));
        app.clock.advance(Duration::from_hours(25)).await;
        app.close_now().await;
        assert_eq!(app.leave(&people[1], stays.id).await, LeaveOutcome::AlreadyTipped, "also when it has succeeded");
        app.settle_now().await;
        app.deliver_now().await;
        app.assert_clean().await;
    }
}

#[tokio::test]
async fn nobody_leaves_a_deal_that_is_over() {
    for app in with_redis_and_without().await {
        let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
        let [ended, taken_down] = [app.deal(&mo).publish().await.id, app.deal(&mo).publish().await.id];
        let first = joined(app.join(&ann, ended, 1, "a").await);
        let second = joined(app.join(&ann, taken_down, 1, "a").await);
        app.engine.withdraw(mo.shop(), taken_down, "ill").await.unwrap();
        assert_eq!(app.leave(&ann, second.id).await, LeaveOutcome::Closed);
        app.clock.advance(Duration::from_hours(25)).await;
        assert_eq!(app.leave(&ann, first.id).await, LeaveOutcome::Closed, "its time is over");
        app.close_now().await;
        assert_eq!(app.leave(&ann, first.id).await, LeaveOutcome::Closed, "it has failed");
        assert_eq!(app.counts(ended).await, (1, 1));
        app.assert_clean().await;
    }
}

#[tokio::test]
async fn another_buyers_signup_cannot_be_left() {
    for app in with_redis_and_without().await {
        let (mo, ann, bob) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
        let deal = app.deal(&mo).publish().await.id;
        let anns = joined(app.join(&ann, deal, 1, "a").await);
        joined(app.join(&bob, deal, 1, "a").await);
        assert_eq!(app.leave(&bob, anns.id).await, LeaveOutcome::NoSuchSignup);
        assert_eq!(app.leave(&bob, SignupId::generate()).await, LeaveOutcome::NoSuchSignup);
        // Also when it comes as far as Postgres' function.
        let mut lane = app.store.lane_connection();
        let decided = lane.commit_leaves(&[(anns.id, deal, bob.id)]).await.unwrap();
        assert_eq!(decided.rows[0].decision, muster::store::LeaveDecision::NoSuchSignup);
        assert_eq!(app.counts(deal).await, (2, 2));
    }
}
