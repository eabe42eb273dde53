//! `muster reconcile` as an operator runs it: rebuilding Redis from Postgres.

use std::process::{Command, Output};

use muster::domain::{DealId, Refusal};
use muster::engine::{ReconcileError, ReconcileStep};
use muster::quota::Keys;
use redis::AsyncCommands;

use super::crowd::redis_agrees;
use crate::support::fault::NO_REDIS;
use crate::support::outcomes::{joined, refused};
use crate::support::people::join_request;
use crate::support::{self, TestApp};

/// Runs the command against the servers of a test.
pub fn reconcile(app: &TestApp, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
    command.arg("reconcile").args(arguments).env("MUSTER__REDIS__PREFIX", &app.backend.name);
    command.env("MUSTER__SECURITY__COUPON_KEYS", format!("1:{}", "5e".repeat(32)));
    command.env("DATABASE_URL", &app.backend.database_url).env("REDIS_URL", &app.backend.redis_url);
    command.output().unwrap()
}

fn stdout_of(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

async fn units(app: &TestApp, deal: DealId) -> Option<u32> {
    app.backend.redis().await.hget(Keys::new(&app.backend.name).quota(deal), "units").await.unwrap()
}

#[tokio::test]
async fn reconcile_loads_every_joinable_deal_into_a_wiped_redis() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 3).await;
    let [full, open] = [app.deal(&mo).tipping_point(1).cap(2).publish().await.id, app.deal(&mo).publish().await.id];
    let withdrawn = app.deal(&mo).publish().await.id;
    app.deal(&mo).draft().await;
    for person in &people[..2] {
        joined(app.engine_join(person, full, 1, "a").await);
        joined(app.engine_join(person, withdrawn, 1, "a").await);
    }
    app.engine.withdraw(mo.merchant_id(), withdrawn, "ill").await.unwrap();
    app.engine.drain().await;
    app.backend.flush_redis().await;
    assert_eq!(stdout_of(&reconcile(&app, &[])), "Deals compared: 3. Repaired: 0. Open deals in Redis: 2.");
    assert_eq!(
        (units(&app, full).await, units(&app, open).await, units(&app, withdrawn).await),
        (Some(2), Some(0), None)
    );

    // Admission works from the rebuilt data, without Postgres.
    app.backend.sql("ALTER FUNCTION commit_signups RENAME TO out_of_order").await;
    assert_eq!(refused(app.engine_join(&people[2], full, 1, "a").await), Refusal::SoldOut);
    app.backend.sql("ALTER FUNCTION out_of_order RENAME TO commit_signups").await;
    assert!(joined(app.engine_join(&people[0], full, 1, "a").await).replayed);
    app.settle_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn reconcile_repairs_a_redis_that_is_behind() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 3).await;
    let deal = app.deal(&mo).publish().await.id;
    joined(app.engine_join(&people[0], deal, 1, "a").await);
    app.backend.wait_until_nothing_is_held(deal).await;
    let mut node_without_redis = app.store.lane_connection();
    node_without_redis.commit_signups(&[join_request(&people[1], deal, 2, "a")]).await.unwrap();
    assert!(!redis_agrees(&app, deal).await);
    assert_eq!(stdout_of(&reconcile(&app, &[])), "Deals compared: 1. Repaired: 1. Open deals in Redis: 1.");
    assert!(redis_agrees(&app, deal).await);
    assert_eq!(units(&app, deal).await, Some(3));
    app.assert_clean().await;
}

#[tokio::test]
async fn reconcile_reports_each_step_and_fails_without_redis() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    for _ in 0..3 {
        app.deal(&mo).publish().await;
    }
    let steps = std::sync::Mutex::new(Vec::new());
    app.engine.reconcile_all(|step| steps.lock().unwrap().push(step)).await.unwrap();
    let compared = (1..=3).map(|done| ReconcileStep::Compared { done, total: 3 });
    let expected: Vec<_> = compared.chain((1..=3).map(|done| ReconcileStep::Loaded { done, total: 3 })).collect();
    assert_eq!(*steps.lock().unwrap(), expected);

    let without = support::app().with("redis.url", NO_REDIS).start().await;
    let refused = without.engine.reconcile_all(|_| {}).await;
    assert!(matches!(refused, Err(ReconcileError::RedisUnavailable)), "{refused:?}");
}
