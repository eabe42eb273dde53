//! Redis is stopped, restarted, wiped, stale or corrupt: joins continue, and Redis is correct afterwards.

use muster::domain::{JoinOutcome, Refusal};
use muster::quota::Keys;
use redis::AsyncCommands;

use crate::support::fault::{NO_REDIS, wait_until};
use crate::support::outcomes::{joined, refused};
use crate::support::{self, TestApp};

/// A deal's units, rev and applied rev in Redis.
async fn figures_in_redis(app: &TestApp, deal: muster::domain::DealId) -> Option<(u32, i64, i64)> {
    let quota = Keys::new(&app.backend.name).quota(deal);
    let fields = ["units", "rev", "applied"];
    redis::cmd("HMGET").arg(quota).arg(&fields).query_async(&mut app.backend.redis().await).await.ok()
}

#[tokio::test]
async fn joins_continue_without_redis_which_catches_up_before_it_admits_again() {
    let mut app = support::app().with_private_servers().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 12).await;
    let deal = app.deal(&mo).tipping_point(1).cap(10).publish().await.id;
    for person in &people[..3] {
        joined(app.engine_join(person, deal, 1, "a").await);
    }
    app.servers().redis().unwrap().stop().await;
    for person in &people[3..10] {
        joined(app.engine_join(person, deal, 1, "a").await);
    }
    assert_eq!(refused(app.engine_join(&people[10], deal, 1, "a").await), Refusal::SoldOut);
    assert!(joined(app.engine_join(&people[0], deal, 1, "a").await).replayed);

    app.servers().redis().unwrap().start().await.unwrap();
    app.engine.catch_up().await.unwrap();
    assert_eq!(refused(app.engine_join(&people[11], deal, 1, "a").await), Refusal::SoldOut);
    let rev = app.progress(deal).await.rev;
    assert_eq!(figures_in_redis(&app, deal).await, Some((10, rev, rev)), "Redis is correct once it has caught up");
    assert!(joined(app.engine_join(&people[5], deal, 1, "a").await).replayed);
    app.settle_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn a_redis_restarted_from_an_old_copy_is_not_trusted() {
    let mut app = support::app().with_private_servers().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 7).await;
    let deal = app.deal(&mo).tipping_point(1).cap(5).publish().await.id;
    joined(app.engine_join(&people[0], deal, 1, "a").await);
    wait_until("Redis has received the join", async || {
        figures_in_redis(&app, deal).await.is_some_and(|figures| figures.0 == 1)
    })
    .await;
    let old = app.servers().redis().unwrap().copy_data().unwrap();
    for person in &people[1..5] {
        joined(app.engine_join(person, deal, 1, "a").await);
    }
    app.servers().redis().unwrap().restart_from(&old).await.unwrap();
    assert_eq!(figures_in_redis(&app, deal).await.unwrap().0, 1, "Redis has the old figures");
    // The call that notices the restart continues without Redis.
    assert_eq!(refused(app.engine_join(&people[5], deal, 1, "a").await), Refusal::SoldOut);
    app.engine.catch_up().await.unwrap();
    for person in &people[..5] {
        assert!(joined(app.engine_join(person, deal, 1, "a").await).replayed);
    }
    assert_eq!(refused(app.engine_join(&people[6], deal, 1, "a").await), Refusal::SoldOut);
    app.settle_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn a_wiped_redis_is_reloaded_and_never_treats_a_full_deal_as_empty() {
    let mut app = support::app().with_private_servers().nodes(2).start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 8).await;
    let deal = app.deal(&mo).tipping_point(1).cap(4).publish().await.id;
    for person in &people[..4] {
        joined(app.engine_join(person, deal, 1, "a").await);
    }
    for stranger in &people[4..] {
        let () = redis::cmd("FLUSHALL").query_async(&mut app.backend.redis().await).await.unwrap();
        assert_eq!(refused(app.nodes[0].engine_join(stranger, deal, 1, "a").await), Refusal::SoldOut);
        let () = redis::cmd("SCRIPT").arg("FLUSH").query_async(&mut app.backend.redis().await).await.unwrap();
        assert_eq!(refused(app.nodes[1].engine_join(stranger, deal, 1, "a").await), Refusal::SoldOut);
    }
    app.servers().redis().unwrap().restart_empty().await.unwrap();
    assert!(joined(app.engine_join(&people[0], deal, 1, "a").await).replayed);
    app.settle_now().await;
    app.nodes[0].engine.catch_up().await.unwrap();
    app.assert_clean().await;
}

#[tokio::test]
async fn a_key_of_the_wrong_type_disables_admission_but_loses_no_join() {
    let app = support::app().start().await;
    let (mo, ann, bob) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
    let deal = app.deal(&mo).tipping_point(1).cap(1).publish().await.id;
    let quota = Keys::new(&app.backend.name).quota(deal);
    let () = app.backend.redis().await.set(&quota, "nonsense").await.unwrap();
    joined(app.engine_join(&ann, deal, 1, "a").await);
    assert_eq!(refused(app.engine_join(&bob, deal, 1, "a").await), Refusal::SoldOut);
    assert!(joined(app.engine_join(&ann, deal, 1, "a").await).replayed);
    let () = app.backend.redis().await.del(&quota).await.unwrap();
    app.engine.catch_up().await.unwrap();
    assert_eq!(refused(app.engine_join(&bob, deal, 1, "a").await), Refusal::SoldOut);
    app.settle_now().await;
    app.assert_clean().await;
}

/// Without admission every join reaches Postgres, so fewer may run at a time.
#[tokio::test]
async fn without_redis_fewer_joins_run_at_a_time_and_the_rest_are_answered_busy() {
    let tight = support::app().with("lanes.count", "1").with("lanes.degraded_in_flight_max", "3");
    let app = tight.with("redis.url", NO_REDIS).start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 10).await;
    let deal = app.deal(&mo).publish().await.id;
    let lock = app.backend.lock_deal(deal).await;
    let joins = people.into_iter().map(|person| {
        let node = app.engine.clone();
        async move { node.join(support::people::join_request(&person, deal, 1, "a")).await }
    });
    let unlock = async {
        wait_until("one batch is being recorded", async || app.backend.waiting_for_locks().await == 1).await;
        lock.unlock().await;
    };
    let (outcomes, ()) = tokio::join!(futures_util::future::join_all(joins), unlock);
    let busy = outcomes.iter().filter(|outcome| matches!(outcome, JoinOutcome::Busy { .. })).count();
    let joined = outcomes.iter().filter(|outcome| matches!(outcome, JoinOutcome::Joined(_))).count();
    assert_eq!((joined, busy), (3, 7));
    app.assert_clean().await;
}
