//! Migrating while nodes serve and while other nodes migrate.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use sqlx::Executor;
use sqlx::migrate::Migrator;
use tokio::time::Instant;

use crate::support;
use crate::support::fault::wait_until;
use crate::support::outcomes::joined;

/// Muster's migrations and one more, copied into a folder.
async fn with_one_more(folder: &Path, sql: &str) -> Migrator {
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
    std::fs::write(folder.join("9999_one_more.sql"), sql).unwrap();
    Migrator::new(folder).await.unwrap()
}

/// A statement that waits for a table lock blocks everybody behind it, so it gives up quickly and retries.
#[tokio::test]
async fn a_migration_that_waits_for_a_lock_lets_joins_pass_and_retries() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 60).await;
    let deal = app.deal(&mo).tipping_point(500).publish().await.id;
    let folder = tempfile::tempdir().unwrap();
    let migrator = with_one_more(folder.path(), "ALTER TABLE deals ADD COLUMN note text").await;
    // A transaction that somebody left open in psql.
    let mut reader = app.backend.connect().await;
    reader.execute("BEGIN; SELECT count(*) FROM deals").await.unwrap();
    let store = app.store.clone();
    let migration = tokio::spawn(async move { store.migrate_with(&migrator).await });
    wait_until("the migration waits", async || app.backend.waiting_for_locks().await > 0).await;
    let since = Instant::now();
    for person in &people {
        joined(app.engine_join(person, deal, 1, "a").await);
    }
    println!("60 joins in {:?} next to a migration that waits", since.elapsed());
    assert!(!migration.is_finished(), "the migration still waits for the reader");
    reader.execute("COMMIT").await.unwrap();
    migration.await.unwrap().unwrap();
    let columns = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'deals' AND column_name = 'note'";
    assert_eq!(app.backend.query_i64(columns).await, 1);
    app.assert_clean().await;
}

#[tokio::test]
async fn a_node_that_starts_while_another_migrates_waits_for_it() {
    let app = support::app().start().await;
    let folder = tempfile::tempdir().unwrap();
    app.backend.sql("CREATE TABLE gate (is_open boolean)").await;
    let slow = "DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM gate) LOOP PERFORM pg_sleep(0.01); END LOOP; END $$;";
    let migrator = std::sync::Arc::new(with_one_more(folder.path(), slow).await);
    let nodes = (0..3).map(|_| {
        let (store, migrator) = (app.store.clone(), migrator.clone());
        async move { store.migrate_waiting(&migrator, Duration::from_millis(50)).await }
    });
    let nodes = tokio::spawn(support::race::run_concurrently(nodes.collect::<Vec<_>>()));
    // A lock timeout closes the connection. More than three backends seen waiting means that the nodes have retried.
    let mut waited = HashSet::new();
    let mut database = app.backend.connect().await;
    wait_until("the waiting nodes have retried", async || {
        let waiting =
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        waited.extend(sqlx::query_scalar::<_, i32>(waiting).fetch_all(&mut database).await.unwrap());
        waited.len() > 3
    })
    .await;
    app.backend.sql("INSERT INTO gate VALUES (true)").await;
    for migrated in nodes.await.unwrap() {
        migrated.unwrap();
    }
    assert_eq!(app.backend.query_i64("SELECT count(*) FROM _sqlx_migrations WHERE version = 9999").await, 1);
}
