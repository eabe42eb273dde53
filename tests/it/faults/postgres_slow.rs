//! Postgres that stands still, is locked, is full, has no room for connections, or drags a long reader along.

use std::time::Duration;

use muster::domain::{JoinOutcome, Refusal};
use muster::startup;
use redis::AsyncCommands;
use serde_json::json;
use sqlx::Executor;

use super::crowd::{Crowd, join_patiently};
use crate::support::fault::until;
use crate::support::outcomes::{joined, refused};
use crate::support::people::wish;
use crate::support::{self};

/// How long a hold lasts that nobody renews, and so how long Postgres stands still.
const HOLD_TTL_MS: i64 = 1_500;

#[tokio::test]
async fn an_admitted_join_keeps_its_hold_while_postgres_stands_still() {
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
        joined(join_patiently(&node.engine, &people[0], deal, "a").await);
    }
    app.home.nothing_is_held(deal).await;
    let holds = muster::quota::Keys::new(&app.home.name).holds(deal);
    app.servers().postgres().unwrap().pause();
    let (engine, request) = (app.nodes[0].engine.clone(), wish(&people[1], deal, 1, "a"));
    let first = tokio::spawn(async move { engine.join(request).await });
    let mut redis = app.home.redis().await;
    until("the last place is held", async || redis.exists(&holds).await.unwrap()).await;
    let signup = wish(&people[1], deal, 1, "a").id.to_string();
    let first_end_ms: i64 = redis.zscore(&holds, &signup).await.unwrap();
    until("the hold has outlived its first end", async || {
        // A join that is admitted now waits for Postgres, and for ever.
        assert_eq!(refused(app.nodes[1].join(&people[2], deal, 1, "a").await), Refusal::PlacesHeld);
        let (seconds, micros): (i64, i64) = redis::cmd("TIME").query_async(&mut redis).await.unwrap();
        seconds * 1_000 + micros / 1_000 > first_end_ms
    })
    .await;
    let end_ms: i64 = redis.zscore(&holds, &signup).await.unwrap();
    assert!(end_ms > first_end_ms, "it was renewed");
    app.servers().postgres().unwrap().resume();
    joined(first.await.unwrap());
    assert_eq!(refused(join_patiently(&app.nodes[1].engine, &people[3], deal, "a").await), Refusal::SoldOut);
    assert_eq!(app.counts(deal).await, (2, 2));
    app.settle_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn a_deal_that_stays_locked_is_answered_503_and_the_place_is_given_back() {
    let app = support::app().with("lanes.count", "1").with("lanes.lock_timeout_ms", "30");
    // So that a place is free because it was given back.
    let app = app.with("redis.hold_ttl_ms", "600000").start().await;
    let (mo, ann, bob) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
    let deal = app.deal(&mo).tipping_point(1).cap(1).publish().await.id;
    let lock = app.home.lock_deal(deal).await;
    let answer = ann.join(deal, 1, "a").await;
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    app.home.nothing_is_held(deal).await;
    lock.unlock().await;
    assert_eq!(bob.join(deal, 1, "a").await.status(), 201);
    app.settle_now().await;
    app.assert_clean().await;
}

/// Full: every writer of a page or of the API is told to come back, as joins are.
#[tokio::test]
async fn a_full_disk_is_answered_503_and_loses_nothing() {
    let app = support::app().with("lanes.count", "1").start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let [deal, other] = [app.deal(&mo).publish().await.id, app.deal(&mo).publish().await.id];
    joined(app.join(&ann, deal, 1, "a").await);
    app.home
        .sql(
            "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
             CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON deals FOR EACH STATEMENT EXECUTE FUNCTION full_disk();
             CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON signups FOR EACH STATEMENT EXECUTE FUNCTION full_disk();",
        )
        .await;
    let withdrawing = mo.post(&format!("/api/v1/deals/{other}/withdraw")).json(&json!({ "reason": "ill" }));
    let signup = wish(&ann, deal, 1, "a").id;
    let leaving = ann.delete(&format!("/api/v1/signups/{signup}"));
    for refused in [ann.join(deal, 1, "b").await, withdrawing.send().await.unwrap(), leaving.send().await.unwrap()] {
        assert_eq!(refused.status(), 503, "{}", refused.url());
        assert!(refused.headers().contains_key("retry-after"), "{}", refused.url());
    }
    assert_eq!(ann.join(deal, 1, "a").await.status(), 201, "what was recorded can be told");
    app.home.sql("DROP TRIGGER full_disk ON deals; DROP TRIGGER full_disk ON signups").await;
    assert_eq!(ann.join(deal, 1, "b").await.status(), 201);
    assert_eq!(app.counts(deal).await, (1, 2));
    app.assert_clean().await;
}

/// As somebody who is not a superuser: those may always connect.
#[tokio::test]
async fn without_room_for_its_connections_a_node_sheds_load_and_comes_back() {
    let app = support::app().start().await;
    let role = format!("of_{}", app.home.name);
    app.home
        .sql(&format!(
            "CREATE ROLE {role} LOGIN;
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
             GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}"
        ))
        .await;
    let (mo, ann, bob) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
    let deal = app.deal(&mo).publish().await.id;
    let mut config = (*app.config).clone();
    config.postgres.database_url = app.home.database_url.replace("user=muster", &format!("user={role}")).into();
    config.lanes.queue_wait_max = Duration::from_millis(200);
    // Long enough for a first connection on a busy machine.
    config.postgres.acquire_timeout = Duration::from_secs(2);
    let (engine, store, _) = startup::engine(&config).await.unwrap();
    engine.catch_up_now().await.unwrap();
    joined(app.join(&ann, deal, 1, "a").await);
    app.home
        .sql(&format!(
            "ALTER ROLE {role} CONNECTION LIMIT 0;
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'"
        ))
        .await;
    until("nobody can connect", async || store.ping().await.is_err()).await;
    let outcome = engine.join(wish(&bob, deal, 1, "a")).await;
    assert!(matches!(outcome, JoinOutcome::Busy { retry_after_s: 1.. }), "{outcome:?}");
    app.home.sql(&format!("ALTER ROLE {role} CONNECTION LIMIT 50")).await;
    joined(join_patiently(&engine, &bob, deal, "a").await);
    store.close().await;
    app.assert_clean().await;
}

/// It costs speed, as `docs/operating.md` says, and nothing else: it sees what was, and everybody else goes on.
#[tokio::test]
async fn a_long_reader_slows_joins_and_breaks_nothing() {
    let app = support::app().nodes(2).start().await;
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).tipping_point(20).cap(300).publish().await.id;
    let mut reader = app.home.connect().await;
    reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ").await.unwrap();
    let units = format!("SELECT units::bigint FROM deals WHERE id = '{deal}'");
    let mut look =
        async || sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(units.clone())).fetch_one(&mut reader).await;
    assert_eq!(look().await.unwrap(), 0);
    let crowd = Crowd::sets_out(&app, deal, 400).await;
    crowd.got_what_there_was(&app, 300).await;
    app.settle_now().await;
    assert_eq!(look().await.unwrap(), 0, "it sees what was");
    app.deliver_now().await;
    app.assert_clean().await;
}
