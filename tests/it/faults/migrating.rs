//! Migrating next to nodes that serve, and next to others that migrate.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use sqlx::Executor;
use sqlx::migrate::Migrator;
use tokio::time::Instant;

use crate::support;
use crate::support::fault::until;
use crate::support::outcomes::joined;

/// Muster's migrations and one more, put into a folder.
async fn with_one_more(folder: &Path, sql: &str) -> Migrator {
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
    std::fs::write(folder.join("9999_one_more.sql"), sql).unwrap();
    Migrator::new(folder).await.unwrap()
}

/// A statement that waits for a table stops everybody behind it: so it does not wait for long, and comes again.
#[tokio::test]
async fn a_migration_that_waits_for_a_table_lets_joins_pass_and_comes_again() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 60).await;
    let deal = app.deal(&mo).tipping_point(500).publish().await.id;
    let folder = tempfile::tempdir().unwrap();
    let migrator = with_one_more(folder.path(), "ALTER TABLE deals ADD COLUMN note text").await;
    // A page that is read for long, by whoever has left psql open.
    let mut reader = app.home.connect().await;
    reader.execute("BEGIN; SELECT count(*) FROM deals").await.unwrap();
    let store = app.store.clone();
    let migration = tokio::spawn(async move { store.migrate_with(&migrator).await });
    until("it waits", async || app.home.waiting_for_locks().await > 0).await;
    let since = Instant::now();
    for person in &people {
        joined(app.join(person, deal, 1, "a").await);
    }
    println!("60 joins in {:?} next to a migration that waits", since.elapsed());
    assert!(!migration.is_finished(), "it still waits for the reader");
    reader.execute("COMMIT").await.unwrap();
    migration.await.unwrap().unwrap();
    let columns = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'deals' AND column_name = 'note'";
    assert_eq!(app.home.number(columns).await, 1);
    app.assert_clean().await;
}

/// Longer than any lock is waited for.
#[tokio::test]
async fn a_node_that_starts_while_another_migrates_waits_for_it() {
    let app = support::app().start().await;
    let folder = tempfile::tempdir().unwrap();
    app.home.sql("CREATE TABLE gate (is_open boolean)").await;
    let slow = "DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM gate) LOOP PERFORM pg_sleep(0.01); END LOOP; END $$;";
    let migrator = std::sync::Arc::new(with_one_more(folder.path(), slow).await);
    let nodes = (0..3).map(|_| {
        let (store, migrator) = (app.store.clone(), migrator.clone());
        async move { store.migrate_waiting(&migrator, Duration::from_millis(50)).await }
    });
    let nodes = tokio::spawn(support::race::at_once(nodes.collect::<Vec<_>>()));
    // A lock that took too long ends the connection: more of them than the two nodes that wait means that they came again.
    let mut waited = HashSet::new();
    let mut database = app.home.connect().await;
    until("those that wait have come again", async || {
        let waiting =
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        waited.extend(sqlx::query_scalar::<_, i32>(waiting).fetch_all(&mut database).await.unwrap());
        waited.len() > 3
    })
    .await;
    app.home.sql("INSERT INTO gate VALUES (true)").await;
    for migrated in nodes.await.unwrap() {
        migrated.unwrap();
    }
    assert_eq!(app.home.number("SELECT count(*) FROM _sqlx_migrations WHERE version = 9999").await, 1);
}
