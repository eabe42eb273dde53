use std::collections::HashMap;
use std::time::Duration;

use muster::domain::Units;
use muster::engine::Catching;
use muster::quota::Keys;
use redis::AsyncCommands;

use crate::support::outcomes::joined;
use crate::support::people::wish;
use crate::support::{self, TestApp};

const WINDOW: Option<Duration> = Some(Duration::from_mins(1));

/// state, units, buyers, rev, applied
async fn known(app: &TestApp, deal: muster::domain::DealId) -> Option<(String, u32, u32, i64, i64)> {
    let fields = ["state", "units", "buyers", "rev", "applied"];
    let quota = Keys::new(&app.home.name).quota(deal);
    redis::cmd("HMGET").arg(quota).arg(&fields).query_async(&mut app.home.redis().await).await.ok()
}

#[tokio::test]
async fn the_reconciler_applies_what_a_dead_node_did_not_at_its_second_look() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 3).await;
    let deal = app.deal(&mo).publish().await.id;
    joined(app.join(&people[0], deal, 1, "a").await);
    app.engine.reconcile(WINDOW, Catching::Stragglers).await.unwrap();
    let mut dead_node = app.store.lane_connection();
    dead_node.commit_signups(&[wish(&people[1], deal, 2, "a"), wish(&people[2], deal, 1, "a")]).await.unwrap();
    let first = app.engine.reconcile(WINDOW, Catching::Stragglers).await.unwrap();
    assert_eq!((first.loaded, first.repaired), (1, 0), "it may be on its way");
    let second = app.engine.reconcile(WINDOW, Catching::Stragglers).await.unwrap();
    assert_eq!(second.repaired, 1);
    assert_eq!(known(&app, deal).await.unwrap(), ("open".to_owned(), 4, 3, 5, 5));
    let buyers: HashMap<String, String> =
        app.home.redis().await.hgetall(Keys::new(&app.home.name).buyers(deal)).await.unwrap();
    assert_eq!(buyers[&people[1].id.to_string()], "2 4");
    assert_eq!(app.engine.reconcile(WINDOW, Catching::Stragglers).await.unwrap().repaired, 0);
    app.assert_clean().await;
}

#[tokio::test]
async fn apply_leaves_a_deal_that_is_not_loaded_alone() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).publish().await.id;
    let looked = app.engine.reconcile(None, Catching::Everything).await.unwrap();
    assert_eq!((looked.looked_at, looked.loaded, looked.repaired), (1, 0, 0));
    assert_eq!(app.home.keys_of(deal).await, [""; 0]);
}

#[tokio::test]
async fn more_buyers_than_one_call_can_tell_are_all_told() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).tipping_point(10_000).publish().await.id;
    joined(app.join(&ann, deal, 1, "a").await);
    let mut absent = app.store.lane_connection();
    for batch in 0..25 {
        let strangers = (0..200).map(|_| muster::domain::AccountId::generate());
        let requests: Vec<_> = strangers
            .map(|buyer| muster::domain::JoinRequest {
                buyer,
                units: Units::new(1).unwrap(),
                ..wish(&ann, deal, 1, "x")
            })
            .map(|request| muster::domain::JoinRequest { id: request.buyer.as_uuid().into(), ..request })
            .collect();
        absent.commit_signups(&requests).await.unwrap_or_else(|error| panic!("batch {batch}: {error}"));
    }
    app.reconcile_now().await;
    assert_eq!(known(&app, deal).await.unwrap(), ("open".to_owned(), 5_001, 5_001, 5_003, 5_003));
    let buyers: usize = app.home.redis().await.hlen(Keys::new(&app.home.name).buyers(deal)).await.unwrap();
    assert_eq!(buyers, 5_001 + 1, "and the field that says that they are whole");
    app.assert_clean().await;
}

/// After a failover that lost commits, Redis knows higher versions than the truth has; also of deals that nothing changes.
#[tokio::test]
async fn in_a_new_epoch_every_deal_is_told_again_however_long_ago_it_changed() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 3).await;
    let deal = app.deal(&mo).tipping_point(1).cap(2).publish().await.id;
    joined(app.join(&people[0], deal, 1, "a").await);
    app.engine.reconcile(WINDOW, Catching::Stragglers).await.unwrap();
    let lost = joined(app.join(&people[1], deal, 1, "a").await);
    // The promoted standby has not received the last commit, and is another server.
    app.home
        .sql(&format!(
            "DELETE FROM signups WHERE id = '{}';
             UPDATE deals SET units = 1, buyers = 1, rev = rev - 1, changed_at = changed_at - interval '1 hour';
             UPDATE epoch SET timeline = '0000000F'",
            lost.id
        ))
        .await;
    let looked = app.engine.reconcile(WINDOW, Catching::Stragglers).await.unwrap();
    assert_eq!(looked.repaired, 1);
    assert!(app.progress(deal).await.epoch > 1);
    // Redis would have said that it is sold out.
    assert_eq!(joined(app.join(&people[2], deal, 1, "a").await).progress.units, 2);
    app.settle_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn a_new_epoch_by_hand_makes_redis_load_the_deal_anew() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).publish().await.id;
    joined(app.join(&ann, deal, 1, "a").await);
    let epoch = app.store.begin_epoch().await.unwrap();
    assert!(epoch > 1_700_000_000, "the Unix seconds");
    assert!(app.store.begin_epoch().await.unwrap() > epoch, "or more, when it is done twice in one");
    app.reconcile_now().await;
    assert!(!app.home.keys_of(deal).await.contains(&"quota".to_owned()));
    joined(app.join(&ann, deal, 1, "b").await);
    app.assert_clean().await;
}

#[tokio::test]
async fn the_epoch_stays_while_the_history_is_the_same() {
    let app = support::app().nodes(2).start().await;
    let before = app.store.check_epoch().await.unwrap();
    assert_eq!((before, app.nodes[1].store.check_epoch().await.unwrap()), (1, 1));
}
