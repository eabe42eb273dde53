use std::collections::HashMap;
use std::time::Duration;

use muster::domain::Units;
use muster::engine::Catching;
use muster::quota::Keys;
use redis::AsyncCommands;

use crate::support::outcomes::joined;
use crate::support::people::join_request;
use crate::support::{self, TestApp};

const CHANGED_WITHIN: Option<Duration> = Some(Duration::from_mins(1));

/// State, units, buyers, rev and applied rev of a deal in Redis.
async fn figures_in_redis(app: &TestApp, deal: muster::domain::DealId) -> Option<(String, u32, u32, i64, i64)> {
    let fields = ["state", "units", "buyers", "rev", "applied"];
    let quota = Keys::new(&app.backend.name).quota(deal);
    redis::cmd("HMGET").arg(quota).arg(&fields).query_async(&mut app.backend.redis().await).await.ok()
}

#[tokio::test]
async fn a_change_that_a_dead_node_did_not_apply_is_repaired_by_the_second_reconciliation() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 3).await;
    let deal = app.deal(&mo).publish().await.id;
    joined(app.engine_join(&people[0], deal, 1, "a").await);
    app.backend.wait_until_nothing_is_held(deal).await;
    app.engine.reconcile(CHANGED_WITHIN, Catching::Stragglers).await.unwrap();
    let mut dead_node = app.store.lane_connection();
    dead_node
        .commit_signups(&[join_request(&people[1], deal, 2, "a"), join_request(&people[2], deal, 1, "a")])
        .await
        .unwrap();
    let first = app.engine.reconcile(CHANGED_WITHIN, Catching::Stragglers).await.unwrap();
    assert_eq!((first.loaded, first.repaired), (1, 0), "the change may still be in flight");
    let second = app.engine.reconcile(CHANGED_WITHIN, Catching::Stragglers).await.unwrap();
    assert_eq!(second.repaired, 1);
    assert_eq!(figures_in_redis(&app, deal).await.unwrap(), ("open".to_owned(), 4, 3, 5, 5));
    let buyers: HashMap<String, String> =
        app.backend.redis().await.hgetall(Keys::new(&app.backend.name).buyers(deal)).await.unwrap();
    assert_eq!(buyers[&people[1].id.to_string()], "2 4");
    assert_eq!(app.engine.reconcile(CHANGED_WITHIN, Catching::Stragglers).await.unwrap().repaired, 0);
    app.assert_clean().await;
}

#[tokio::test]
async fn a_deal_that_is_not_loaded_is_left_alone() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).publish().await.id;
    let result = app.engine.reconcile(None, Catching::Everything).await.unwrap();
    assert_eq!((result.looked_at, result.loaded, result.repaired), (1, 0, 0));
    assert_eq!(app.backend.keys_of(deal).await, [""; 0]);
}

#[tokio::test]
async fn more_missing_buyers_than_fit_into_one_call_are_all_repaired() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).tipping_point(10_000).publish().await.id;
    joined(app.engine_join(&ann, deal, 1, "a").await);
    let mut dead_node = app.store.lane_connection();
    for batch in 0..25 {
        let strangers = (0..200).map(|_| muster::domain::AccountId::generate());
        let requests: Vec<_> = strangers
            .map(|buyer| muster::domain::JoinRequest {
                buyer,
                units: Units::new(1).unwrap(),
                ..join_request(&ann, deal, 1, "x")
            })
            .map(|request| muster::domain::JoinRequest { id: request.buyer.as_uuid().into(), ..request })
            .collect();
        dead_node.commit_signups(&requests).await.unwrap_or_else(|error| panic!("batch {batch}: {error}"));
    }
    app.reconcile_now().await;
    assert_eq!(figures_in_redis(&app, deal).await.unwrap(), ("open".to_owned(), 5_001, 5_001, 5_003, 5_003));
    let buyers: usize = app.backend.redis().await.hlen(Keys::new(&app.backend.name).buyers(deal)).await.unwrap();
    assert_eq!(buyers, 5_001 + 1, "5,001 buyers and the field `=whole`");
    app.assert_clean().await;
}

/// After a failover that lost commits, Redis has higher revs than Postgres, even for deals that have not changed since.
#[tokio::test]
async fn a_new_epoch_sends_redis_the_figures_of_every_deal_however_long_ago_it_changed() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 3).await;
    let deal = app.deal(&mo).tipping_point(1).cap(2).publish().await.id;
    joined(app.engine_join(&people[0], deal, 1, "a").await);
    app.engine.reconcile(CHANGED_WITHIN, Catching::Stragglers).await.unwrap();
    let lost_join = joined(app.engine_join(&people[1], deal, 1, "a").await);
    // The promoted standby is another server and did not receive the last commit.
    app.backend
        .sql(&format!(
            "DELETE FROM signups WHERE id = '{}';
             UPDATE deals SET units = 1, buyers = 1, rev = rev - 1, changed_at = changed_at - interval '1 hour';
             UPDATE epoch SET timeline = '0000000F'",
            lost_join.id
        ))
        .await;
    let result = app.engine.reconcile(CHANGED_WITHIN, Catching::Stragglers).await.unwrap();
    assert_eq!(result.repaired, 1);
    assert!(app.progress(deal).await.epoch > 1);
    // With the old figures, Redis would refuse the join as sold out.
    assert_eq!(joined(app.engine_join(&people[2], deal, 1, "a").await).progress.units, 2);
    app.settle_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn an_epoch_begun_by_hand_removes_a_deal_from_redis_until_its_next_join() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).publish().await.id;
    joined(app.engine_join(&ann, deal, 1, "a").await);
    let epoch = app.store.begin_epoch().await.unwrap();
    assert!(epoch > 1_700_000_000, "the epoch is the time in Unix seconds");
    assert!(app.store.begin_epoch().await.unwrap() > epoch, "a second epoch within the same second is higher");
    app.reconcile_now().await;
    assert!(!app.backend.keys_of(deal).await.contains(&"quota".to_owned()));
    joined(app.engine_join(&ann, deal, 1, "b").await);
    app.assert_clean().await;
}

#[tokio::test]
async fn a_second_node_on_the_same_server_begins_no_epoch() {
    let app = support::app().nodes(2).start().await;
    let first = app.store.check_epoch().await.unwrap();
    assert_eq!((first, app.nodes[1].store.check_epoch().await.unwrap()), (1, 1));
}
