use std::collections::BTreeSet;
use std::time::Duration;

use muster::domain::DealState;

use super::with_redis_and_without;
use crate::support::outcomes::joined;
use crate::support::{self};

const DAY: Duration = Duration::from_hours(24);

#[tokio::test]
async fn at_its_deadline_a_tipped_deal_succeeds_and_an_open_one_fails() {
    for app in with_redis_and_without().await {
        let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
        let tipped = app.deal(&mo).tipping_point(1).publish().await.id;
        let open = app.deal(&mo).tipping_point(2).publish().await.id;
        let longer = app.deal(&mo).closes_in(2 * DAY).publish().await.id;
        let draft = app.deal(&mo).draft().await.id;
        for deal in [tipped, open, longer] {
            joined(app.engine_join(&ann, deal, 1, "a").await);
        }
        assert!(app.engine.close_due().await.unwrap().is_empty());
        app.clock.advance(DAY + Duration::from_secs(1)).await;
        let ended = app.engine.close_due().await.unwrap();
        assert_eq!(ended.into_iter().collect::<BTreeSet<_>>(), BTreeSet::from([tipped, open]));
        assert!(app.engine.close_due().await.unwrap().is_empty(), "each deal closes once");
        let expected = [
            (tipped, DealState::Succeeded),
            (open, DealState::Failed),
            (longer, DealState::Open),
            (draft, DealState::Draft),
        ];
        for (deal, state) in expected {
            assert_eq!(app.progress(deal).await.state, state);
        }
        assert_eq!(app.backend.query_i64("SELECT count(*) FROM outbox WHERE kind = 'deal_failed'").await, 1);
        app.settle_now().await;
        app.deliver_now().await;
        let failed = app.mails().iter().filter(|mail| mail.contains("It did not happen")).count();
        assert_eq!(failed, 1);
        app.assert_clean().await;
    }
}

#[tokio::test]
async fn closing_a_deal_updates_redis_immediately_and_without_a_gap() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).publish().await.id;
    joined(app.engine_join(&ann, deal, 1, "a").await);
    app.clock.advance(2 * DAY).await;
    app.close_now().await;
    let keys = muster::quota::Keys::new(&app.backend.name);
    let in_redis: (String, i64, i64) = redis::cmd("HMGET")
        .arg(keys.quota(deal))
        .arg(&["state", "rev", "applied"])
        .query_async(&mut app.backend.redis().await)
        .await
        .unwrap();
    let rev = app.progress(deal).await.rev;
    assert_eq!(in_redis, ("failed".to_owned(), rev, rev));
}

#[tokio::test]
async fn more_due_deals_than_one_statement_closes_are_all_closed() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let one = app.deal(&mo).publish().await;
    let copies = "INSERT INTO deals SELECT (jsonb_populate_record(d, jsonb_build_object('id', gen_random_uuid()))).*
                    FROM deals AS d, generate_series(1, 249)";
    app.backend.sql(copies).await;
    app.clock.advance(2 * DAY).await;
    let ended = app.engine.close_due().await.unwrap();
    assert_eq!(ended.len(), 250);
    assert!(ended.contains(&one.id));
}

#[tokio::test]
async fn a_locked_deal_is_skipped_and_closed_the_next_time() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let [locked, free] = [app.deal(&mo).publish().await.id, app.deal(&mo).publish().await.id];
    app.clock.advance(2 * DAY).await;
    let lock = app.backend.lock_deal(locked).await;
    assert_eq!(app.engine.close_due().await.unwrap(), [free]);
    lock.unlock().await;
    assert_eq!(app.engine.close_due().await.unwrap(), [locked]);
    app.assert_clean().await;
}
