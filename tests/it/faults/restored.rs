//! Backups restored with `pg_dump` and `pg_restore`, into the same server and into another. Redis, browsers and nodes
//! fall back to the state of the backup.

use std::path::Path;
use std::process::Command;

use muster::app::startup;
use muster::dev::servers::{Options, Servers};
use muster::domain::DealId;

use super::crowd::redis_agrees;
use super::rebuilt::reconcile;
use crate::live::feed::{Client, query};
use crate::support::fault::wait_until;
use crate::support::outcomes::joined;
use crate::support::people::join_request;
use crate::support::{self, Person, TestApp};

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

fn dump(database_url: &str, to: &Path) {
    run("pg_dump", &["--format=custom", "--file", to.to_str().unwrap(), database_url]);
}

fn restore(from: &Path, database_url: &str) {
    run("pg_restore", &["--exit-on-error", "--no-owner", "--dbname", database_url, from.to_str().unwrap()]);
}

/// A deal with fifteen buyers, of which ten are in the backup, and sixteen people.
async fn fixture(app: &TestApp, backup: &Path) -> (DealId, Vec<Person>) {
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 16).await;
    let deal = app.deal(&mo).tipping_point(12).cap(16).publish().await.id;
    for person in &people[..10] {
        joined(app.engine_join(person, deal, 1, "a").await);
    }
    dump(&app.backend.database_url, backup);
    for person in &people[10..15] {
        joined(app.engine_join(person, deal, 1, "a").await);
    }
    app.backend.wait_until_nothing_is_held(deal).await;
    (deal, people)
}

#[tokio::test]
async fn a_restored_backup_supersedes_what_redis_and_browsers_have_seen() {
    let app = support::app().nodes(2).with_workers().start().await;
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup");
    let (deal, people) = fixture(&app, &backup).await;
    let path = format!("/api/v1/live?{}", query(&[deal]));
    let mut watcher = Client::connect(app.nodes[1].address, &path, None).await.unwrap();
    let seen = watcher.frame_where(|frame| frame["buyers"] == 15).await;

    let name = &app.backend.name;
    let admin = app.backend.database_url.replace(&format!("/{name}?"), "/postgres?");
    let drop_database = format!("DROP DATABASE {name} WITH (FORCE)");
    run("psql", &["-q", "-c", &drop_database, "-c", &format!("CREATE DATABASE {name}"), &admin]);
    restore(&backup, &app.backend.database_url);
    let output = reconcile(&app, &["--new-epoch"]);
    assert!(output.status.success(), "{output:?}");

    let frame = watcher.frame_where(|frame| frame["epoch"].as_i64() > seen["epoch"].as_i64()).await;
    assert_eq!((&frame["buyers"], &frame["state"]), (&serde_json::json!(10), &serde_json::json!("open")));
    wait_until("Redis agrees with Postgres", async || redis_agrees(&app, deal).await).await;
    for (n, person) in people.iter().enumerate() {
        let answer = joined(super::crowd::join_with_retries(&app.nodes[n % 2].engine, person, deal, "a").await);
        assert_eq!((answer.replayed, answer.number as usize), (n < 10, n + 1), "only joins in the backup are replayed");
    }
    app.settle_now().await;
    app.assert_clean().await;
}

/// The other server has another history, so the epoch rises automatically.
#[tokio::test]
async fn a_backup_restored_into_another_server_begins_a_new_epoch() {
    let app = support::app().start().await;
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup");
    let (deal, people) = fixture(&app, &backup).await;
    let before = app.progress(deal).await;

    let other = Servers::start(Options { redis: false, ..Options::temporary() }).await.unwrap();
    other.ensure_database("restored").await.unwrap();
    restore(&backup, &other.database_url("restored"));
    let mut config = (*app.config).clone();
    config.postgres.database_url = other.database_url("restored").into();
    let (engine, store, _) = startup::engine(&config).await.unwrap();
    engine.catch_up_now().await.unwrap();
    let after = store.progress_of(&[deal]).await.unwrap()[0];
    assert!(after.epoch > before.epoch && (after.buyers, before.buyers) == (10, 15));
    for (n, person) in people.iter().enumerate() {
        let answer = joined(engine.join(join_request(person, deal, 1, "a")).await);
        assert_eq!((answer.replayed, answer.number as usize), (n < 10, n + 1));
    }
    while engine.settle(1_000).await.unwrap() > 0 {}
    let report = engine.audit().run(&muster::engine::AuditOptions::default(), |_| {}).await.unwrap();
    assert_eq!(report.outcome(), muster::engine::AuditOutcome::Clean, "\n{report}");
    store.close().await;
}
