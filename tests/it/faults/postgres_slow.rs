//! Postgres is paused, locked, full, out of connections, or held back by a long transaction.

use std::time::Duration;

use muster::app::startup;
use muster::domain::{JoinOutcome, Refusal};
use redis::AsyncCommands;
use serde_json::json;
use sqlx::Executor;

use super::crowd::{Crowd, join_with_retries};
use crate::support::fault::wait_until;
use crate::support::outcomes::{joined, refused};
use crate::support::people::join_request;
use crate::support::{self};

/// The lifetime of a hold that is not renewed. Postgres is paused for longer.
const HOLD_TTL_MS: i64 = 1_500;

#[tokio::test]
async fn a_hold_is_renewed_while_postgres_is_paused() {
    let mut app = support::app()
        .with_private_servers()
        .nodes(2)
        .with("redis.hold_ttl_ms", HOLD_TTL_MS.to_string())
        .with("lanes.count", "1")
        .start()
        .await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 4).await;
    let deal = app.deal(&mo).tipping_point(1).cap(2).publish().await.id;
    for node in &app.nodes {
        joined(join_with_retries(&node.engine, &people[0], deal, "a").await);
    }
    app.backend.wait_until_nothing_is_held(deal).await;
    let holds = muster::quota::Keys::new(&app.backend.name).holds(deal);
    app.servers().postgres().unwrap().pause();
    let (engine, request) = (app.nodes[0].engine.clone(), join_request(&people[1], deal, 1, "a"));
    let first = tokio::spawn(async move { engine.join(request).await });
    let mut redis = app.backend.redis().await;
    wait_until("the last unit is held", async || redis.exists(&holds).await.unwrap()).await;
    let signup = join_request(&people[1], deal, 1, "a").id.to_string();
    let first_expiry_ms: i64 = redis.zscore(&holds, &signup).await.unwrap();
    wait_until("the hold has outlived its first expiry", async || {
        // The join is refused. An admitted join would wait for the paused Postgres.
        assert_eq!(refused(app.nodes[1].engine_join(&people[2], deal, 1, "a").await), Refusal::PlacesHeld);
        let (seconds, micros): (i64, i64) = redis::cmd("TIME").query_async(&mut redis).await.unwrap();
        seconds * 1_000 + micros / 1_000 > first_expiry_ms
    })
    .await;
    let expiry_ms: i64 = redis.zscore(&holds, &signup).await.unwrap();
    assert!(expiry_ms > first_expiry_ms, "the hold was renewed");
    app.servers().postgres().unwrap().resume();
    joined(first.await.unwrap());
    assert_eq!(refused(join_with_retries(&app.nodes[1].engine, &people[3], deal, "a").await), Refusal::SoldOut);
    assert_eq!(app.counts(deal).await, (2, 2));
    app.settle_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn a_locked_deal_is_answered_503_and_its_hold_released() {
    let app = support::app().with("lanes.count", "1").with("lanes.lock_timeout_ms", "30");
    // With this TTL, the unit is free only if the hold was released.
    let app = app.with("redis.hold_ttl_ms", "600000").start().await;
    let (mo, ann, bob) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
    let deal = app.deal(&mo).tipping_point(1).cap(1).publish().await.id;
    let lock = app.backend.lock_deal(deal).await;
    let answer = ann.post_join(deal, 1, "a").await;
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    app.backend.wait_until_nothing_is_held(deal).await;
    lock.unlock().await;
    assert_eq!(bob.post_join(deal, 1, "a").await.status(), 201);
    app.settle_now().await;
    app.assert_clean().await;
}

/// Every route that writes is answered 503, as joins are.
#[tokio::test]
async fn a_full_disk_is_answered_503_and_loses_nothing() {
    let app = support::app().with("lanes.count", "1").start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let [deal, other] = [app.deal(&mo).publish().await.id, app.deal(&mo).publish().await.id];
    joined(app.engine_join(&ann, deal, 1, "a").await);
    app.backend
        .sql(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
             CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON deals FOR EACH STATEMENT EXECUTE FUNCTION full_disk();
             CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON signups FOR EACH STATEMENT EXECUTE FUNCTION full_disk();",
        )
        .await;
    let withdrawing = mo.post(&format!("/api/v1/deals/{other}/withdraw")).json(&json!({ "reason": "ill" }));
    let signup = join_request(&ann, deal, 1, "a").id;
    let leaving = ann.delete(&format!("/api/v1/signups/{signup}"));
    for refused in [ann.post_join(deal, 1, "b").await, withdrawing.send().await.unwrap(), leaving.send().await.unwrap()]
    {
        assert_eq!(refused.status(), 503, "{}", refused.url());
        assert!(refused.headers().contains_key("retry-after"), "{}", refused.url());
    }
    assert_eq!(ann.post_join(deal, 1, "a").await.status(), 201, "a recorded join can still be read");
    app.backend.sql("DROP TRIGGER full_disk ON deals; DROP TRIGGER full_disk ON signups").await;
    assert_eq!(ann.post_join(deal, 1, "b").await.status(), 201);
    assert_eq!(app.counts(deal).await, (1, 2));
    app.assert_clean().await;
}

/// The node uses a role that is not a superuser, because superusers can always connect.
#[tokio::test]
async fn a_node_without_postgres_connections_sheds_load_and_recovers() {
    let app = support::app().start().await;
    let role = format!("of_{}", app.backend.name);
    app.backend
        .sql(&format!(
            "CREATE ROLE {role} LOGIN;
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
             GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}"
        ))
        .await;
    let (mo, ann, bob) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
    let deal = app.deal(&mo).publish().await.id;
    let mut config = (*app.config).clone();
    config.postgres.database_url = app.backend.database_url.replace("user=muster", &format!("user={role}")).into();
    config.lanes.queue_wait_max = Duration::from_millis(200);
    // Long enough for a first connection on a busy machine.
    config.postgres.acquire_timeout = Duration::from_secs(2);
    let (engine, store, _) = startup::engine(&config).await.unwrap();
    engine.catch_up_now().await.unwrap();
    joined(app.engine_join(&ann, deal, 1, "a").await);
    app.backend
        .sql(&format!(
            "ALTER ROLE {role} CONNECTION LIMIT 0;
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'"
        ))
        .await;
    wait_until("the node cannot connect", async || store.ping().await.is_err()).await;
    let outcome = engine.join(join_request(&bob, deal, 1, "a")).await;
    assert!(matches!(outcome, JoinOutcome::Busy { retry_after_s: 1.. }), "{outcome:?}");
    app.backend.sql(&format!("ALTER ROLE {role} CONNECTION LIMIT 50")).await;
    joined(join_with_retries(&engine, &bob, deal, "a").await);
    store.close().await;
    app.assert_clean().await;
}

/// The transaction keeps its old snapshot, and everybody else continues. `docs/operating.md` describes the cost.
#[tokio::test]
async fn a_transaction_that_never_ends_costs_nothing_but_speed() {
    let app = support::app().nodes(2).start().await;
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).tipping_point(20).cap(300).publish().await.id;
    let mut reader = app.backend.connect().await;
    reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await.unwrap();
    let units = format!("SELECT units::bigint FROM deals WHERE id = '{deal}'");
    let mut read_units =
        async || sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(units.clone())).fetch_one(&mut reader).await;
    assert_eq!(read_units().await.unwrap(), 0);
    let crowd = Crowd::start(&app, deal, 400).await;
    crowd.assert_sold_exactly(&app, 300).await;
    app.settle_now().await;
    assert_eq!(read_units().await.unwrap(), 0, "the transaction sees its old snapshot");
    app.deliver_now().await;
    app.assert_clean().await;
}
