use std::time::Duration;

use muster::domain::{LeaveOutcome, SignupId};

use super::with_redis_and_without;
use crate::support::outcomes::joined;

#[tokio::test]
async fn leaving_frees_the_units_and_is_idempotent() {
    for app in with_redis_and_without().await {
        let (mo, ann, bob) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
        let deal = app.deal(&mo).tipping_point(3).cap(10).per_buyer_max(3).publish().await.id;
        let anns = joined(app.engine_join(&ann, deal, 3, "a").await);
        joined(app.engine_join(&bob, deal, 2, "a").await);
        let before = app.progress(deal).await;
        assert_eq!(app.engine_leave(&ann, anns.id).await, LeaveOutcome::Left);
        assert_eq!(app.counts(deal).await, (1, 2));
        assert_eq!(app.progress(deal).await.rev, before.rev + 1);
        assert_eq!(app.engine_leave(&ann, anns.id).await, LeaveOutcome::Left);
        assert_eq!(app.progress(deal).await.rev, before.rev + 1, "a second leave changes nothing");
        joined(app.engine_join(&ann, deal, 3, "b").await);
        assert_eq!(app.counts(deal).await, (2, 5), "leaving also frees the per-buyer limit");
        app.assert_clean().await;
    }
}

#[tokio::test]
async fn a_buyer_who_leaves_one_of_two_signups_still_counts() {
    for app in with_redis_and_without().await {
        let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
        let deal = app.deal(&mo).tipping_point(3).publish().await.id;
        let [one, two] =
            [joined(app.engine_join(&ann, deal, 1, "a").await), joined(app.engine_join(&ann, deal, 2, "b").await)];
        assert_eq!(app.engine_leave(&ann, one.id).await, LeaveOutcome::Left);
        assert_eq!(app.counts(deal).await, (1, 2));
        assert_eq!(app.engine_leave(&ann, two.id).await, LeaveOutcome::Left);
        assert_eq!(app.counts(deal).await, (0, 0));
        app.assert_clean().await;
    }
}

#[tokio::test]
async fn after_the_tip_nobody_can_leave_and_earlier_leaves_stand() {
    for app in with_redis_and_without().await {
        let mo = app.merchant("Mo").await;
        let people = app.people("Pat", 3).await;
        let deal = app.deal(&mo).tipping_point(2).publish().await.id;
        let early = joined(app.engine_join(&people[0], deal, 1, "a").await);
        app.engine_leave(&people[0], early.id).await;
        let stays = joined(app.engine_join(&people[1], deal, 1, "a").await);
        joined(app.engine_join(&people[2], deal, 1, "a").await);
        assert_eq!(app.engine_leave(&people[1], stays.id).await, LeaveOutcome::AlreadyTipped);
        assert_eq!(app.engine_leave(&people[0], early.id).await, LeaveOutcome::Left);
        assert_eq!(app.counts(deal).await, (2, 2));
        app.clock.advance(Duration::from_hours(25)).await;
        app.close_now().await;
        assert_eq!(
            app.engine_leave(&people[1], stays.id).await,
            LeaveOutcome::AlreadyTipped,
            "even after it succeeded"
        );
        app.settle_now().await;
        app.deliver_now().await;
        app.assert_clean().await;
    }
}

#[tokio::test]
async fn a_closed_deal_cannot_be_left() {
    for app in with_redis_and_without().await {
        let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
        let [ended, withdrawn] = [app.deal(&mo).publish().await.id, app.deal(&mo).publish().await.id];
        let first = joined(app.engine_join(&ann, ended, 1, "a").await);
        let second = joined(app.engine_join(&ann, withdrawn, 1, "a").await);
        app.engine.withdraw(mo.merchant_id(), withdrawn, "ill").await.unwrap();
        assert_eq!(app.engine_leave(&ann, second.id).await, LeaveOutcome::Closed);
        app.clock.advance(Duration::from_hours(25)).await;
        assert_eq!(app.engine_leave(&ann, first.id).await, LeaveOutcome::Closed, "its deadline has passed");
        app.close_now().await;
        assert_eq!(app.engine_leave(&ann, first.id).await, LeaveOutcome::Closed, "it has failed");
        assert_eq!(app.counts(ended).await, (1, 1));
        app.assert_clean().await;
    }
}

#[tokio::test]
async fn another_buyers_signup_cannot_be_left() {
    for app in with_redis_and_without().await {
        let (mo, ann, bob) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
        let deal = app.deal(&mo).publish().await.id;
        let anns = joined(app.engine_join(&ann, deal, 1, "a").await);
        joined(app.engine_join(&bob, deal, 1, "a").await);
        assert_eq!(app.engine_leave(&bob, anns.id).await, LeaveOutcome::NoSuchSignup);
        assert_eq!(app.engine_leave(&bob, SignupId::generate()).await, LeaveOutcome::NoSuchSignup);
        // Postgres refuses it, too, if the request gets that far.
        let mut lane = app.store.lane_connection();
        let decided = lane.commit_leaves(&[(anns.id, deal, bob.id)]).await.unwrap();
        assert_eq!(decided.rows[0].decision, muster::store::LeaveDecision::NoSuchSignup);
        assert_eq!(app.counts(deal).await, (2, 2));
    }
}
