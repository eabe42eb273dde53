//! Migrating next to nodes that serve, and next to others that migrate.

use std::path::Path;

use muster::domain::Role;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, Executor, PgConnection};
use tokio::time::Instant;

use crate::support::fault::until;
use crate::support::outcomes::joined;
use crate::support::{self};

/// Muster's migrations up to this one, put into a folder.
fn up_to(last: &str, folder: &Path) {
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name[..4] <= *last {
            std::fs::copy(&path, folder.join(name)).unwrap();
        }
    }
}

/// Muster's migrations, and one more that comes after them.
async fn with_one_more(folder: &Path, sql: &str) -> Migrator {
    up_to("9998", folder);
    std::fs::write(folder.join("9999_one_more.sql"), sql).unwrap();
    Migrator::new(folder).await.unwrap()
}

/// A statement that waits for a table stops everybody behind it: so it does not wait for long, and comes again.
#[tokio::test]
async fn a_migration_that_waits_for_a_table_lets_joins_pass_and_comes_again() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 60, Role::Buyer).await;
    let deal = app.deal(&mo).tipping_point(500).publish().await.id;
    let folder = tempfile::tempdir().unwrap();
    let migrator = with_one_more(folder.path(), "ALTER TABLE deals ADD COLUMN note text").await;
    // A page that is read for long, by whoever has left psql open.
    let mut reader = app.home.connect().await;
    reader.execute("BEGIN; SELECT count(*) FROM deals").await.unwrap();
    let ledger = app.ledger.clone();
    let migration = tokio::spawn(async move { ledger.migrate_with(&migrator).await });
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
    let slow = "CREATE TABLE slow (n integer); SELECT pg_sleep(3);";
    let migrator = std::sync::Arc::new(with_one_more(folder.path(), slow).await);
    let nodes = (0..3).map(|_| {
        let (ledger, migrator) = (app.ledger.clone(), migrator.clone());
        async move { ledger.migrate_with(&migrator).await }
    });
    for migrated in support::race::at_once(nodes.collect::<Vec<_>>()).await {
        migrated.unwrap();
    }
    assert_eq!(app.home.number("SELECT count(*) FROM _sqlx_migrations WHERE version = 9999").await, 1);
}

/// A deal with Ann, who has three signups and left two of them, the last one included; Bob, who left; and Cid.
const BEFORE_ONE_ROW_A_JOIN: &str = "
    INSERT INTO accounts (id, email, name, role) VALUES (md5('mo')::uuid, 'mo@example.com', 'Mo', 'merchant');
    INSERT INTO deals (id, merchant, state, title, description, price, face_value, currency, tipping_point, per_buyer_max,
                       opens_at, closes_at, time_zone, coupon_expires_at, published_at)
    SELECT md5('deal')::uuid, md5('mo')::uuid, 'open', 'Kayaks', '', 10, 20, 'EUR', 5, 9,
           n.at - interval '1 hour', n.at + interval '1 hour', 'UTC', n.at + interval '2 hours', n.at
      FROM (SELECT muster_now() AS at) AS n;
    CREATE FUNCTION joins(buyer text, key text, units integer) RETURNS void LANGUAGE sql AS $$
        SELECT count(*) FROM commit_signups(ARRAY[md5(key)::uuid], ARRAY[md5('deal')::uuid], ARRAY[md5(buyer)::uuid], ARRAY[units]) $$;
    CREATE FUNCTION leaves(buyer text, key text) RETURNS void LANGUAGE sql AS $$
        SELECT count(*) FROM commit_leaves(ARRAY[md5(key)::uuid], ARRAY[md5('deal')::uuid], ARRAY[md5(buyer)::uuid]) $$;
    SELECT joins('ann', 'a1', 1), joins('bob', 'b1', 4), joins('ann', 'a2', 2), joins('cid', 'c1', 1), joins('ann', 'a3', 3);
    SELECT leaves('ann', 'a1'), leaves('ann', 'a3'), leaves('bob', 'b1')";

/// What each buyer of the deal holds, as of which version.
async fn held(database: &mut PgConnection) -> Vec<(String, i32, i64)> {
    let held = "SELECT p.name, b.units, b.rev FROM (VALUES ('ann'), ('bob'), ('cid')) AS p (name)
                  JOIN deal_buyers AS b ON b.buyer = md5(p.name)::uuid ORDER BY p.name";
    sqlx::query_as(held).fetch_all(database).await.unwrap()
}

/// Since migration 13 a buyer's newest signup says what they hold.
#[tokio::test]
async fn what_buyers_hold_is_the_same_after_it_was_moved_to_their_signups() {
    let app = support::app().start().await;
    let name = format!("{}_before", app.home.name);
    app.home.sql(&format!("CREATE DATABASE {name}")).await;
    let options: PgConnectOptions = app.home.database_url.parse().unwrap();
    let mut database = PgConnection::connect_with(&options.database(&name)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    up_to("0012", folder.path());
    Migrator::new(folder.path()).await.unwrap().run(&mut database).await.unwrap();
    sqlx::raw_sql(BEFORE_ONE_ROW_A_JOIN).execute(&mut database).await.unwrap();
    let before = held(&mut database).await;
    let of = |name: &str, units, rev| (name.to_owned(), units, rev);
    assert_eq!(before, [of("ann", 2, 8), of("bob", 0, 9), of("cid", 1, 5)]);
    sqlx::migrate!().run(&mut database).await.unwrap();
    assert_eq!(held(&mut database).await, before);
    // And it goes on from there.
    sqlx::raw_sql("SELECT joins('bob', 'b2', 4); SELECT leaves('ann', 'a2')").execute(&mut database).await.unwrap();
    assert_eq!(held(&mut database).await, [of("ann", 0, 11), of("bob", 4, 10), of("cid", 1, 5)]);
}
