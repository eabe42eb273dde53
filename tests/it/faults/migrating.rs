//! Migrating next to nodes that serve, and next to others that migrate.

use std::path::Path;

use muster::domain::Role;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, Executor, PgConnection};
use tokio::time::Instant;

use crate::support::fault::until;
use crate::support::outcomes::joined;
use crate::support::{self, TestApp};

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
    let slow = "CREATE TABLE slow (n integer); SELECT pg_sleep(3);";
    let migrator = std::sync::Arc::new(with_one_more(folder.path(), slow).await);
    let nodes = (0..3).map(|_| {
        let (store, migrator) = (app.store.clone(), migrator.clone());
        async move { store.migrate_with(&migrator).await }
    });
    for migrated in support::race::at_once(nodes.collect::<Vec<_>>()).await {
        migrated.unwrap();
    }
    assert_eq!(app.home.number("SELECT count(*) FROM _sqlx_migrations WHERE version = 9999").await, 1);
}

/// Makes a deal, and what joins and leaves it.
const HELPERS: &str = "
    INSERT INTO accounts (id, email, name, role) VALUES (md5('mo')::uuid, 'mo@example.com', 'Mo', 'merchant');
    CREATE FUNCTION opens(deal text, tipping_point integer) RETURNS void LANGUAGE sql AS $$
        INSERT INTO deals (id, merchant, state, title, description, price, face_value, currency, tipping_point, per_buyer_max,
                           opens_at, closes_at, time_zone, coupon_expires_at, published_at)
        SELECT md5(deal)::uuid, md5('mo')::uuid, 'open', 'Kayaks', '', 10, 20, 'EUR', tipping_point, 9,
               n.at - interval '1 hour', n.at + interval '1 hour', 'UTC', n.at + interval '2 hours', n.at
          FROM (SELECT muster_now() AS at) AS n $$;
    CREATE FUNCTION joins(deal text, buyer text, key text, units integer) RETURNS void LANGUAGE sql AS $$
        SELECT count(*) FROM commit_signups(ARRAY[md5(key)::uuid], ARRAY[md5(deal)::uuid], ARRAY[md5(buyer)::uuid], ARRAY[units]) $$;
    CREATE FUNCTION leaves(deal text, buyer text, key text) RETURNS void LANGUAGE sql AS $$
        SELECT count(*) FROM commit_leaves(ARRAY[md5(key)::uuid], ARRAY[md5(deal)::uuid], ARRAY[md5(buyer)::uuid]) $$";

/// Ann has three signups and leaves two of them, the last one included; Bob leaves; and Cid stays.
const WHO_HOLDS_WHAT: &str = "
    SELECT opens('kayaks', 5);
    SELECT joins('kayaks', 'ann', 'a1', 1), joins('kayaks', 'bob', 'b1', 4), joins('kayaks', 'ann', 'a2', 2),
           joins('kayaks', 'cid', 'c1', 1), joins('kayaks', 'ann', 'a3', 3);
    SELECT leaves('kayaks', 'ann', 'a1'), leaves('kayaks', 'ann', 'a3'), leaves('kayaks', 'bob', 'b1')";

/// Three deals that are on, each with four signups (of rev 2 to 5). Marked as settled is in the first everything, in the second
/// the first signup and the third; the third deal is settled up to the first one, and the two after it are marked.
const MARKED_BEFORE: &str = "
    SELECT opens('all', 1), opens('some', 1), opens('both', 1);
    SELECT joins(d.deal, d.deal || n, d.deal || n, 1)
      FROM (VALUES ('all'), ('some'), ('both')) AS d (deal), generate_series(1, 4) AS n ORDER BY d.deal, n;
    UPDATE signups SET settled_at = muster_now() WHERE deal = md5('all')::uuid;
    UPDATE signups SET settled_at = muster_now() WHERE deal = md5('some')::uuid AND rev IN (2, 4);
    UPDATE signups SET settled_at = muster_now() WHERE deal = md5('both')::uuid AND rev IN (3, 4);
    INSERT INTO settling (deal, settled_rev) VALUES (md5('both')::uuid, 2)";

/// What each buyer of the deal holds, as of which version.
async fn held(database: &mut PgConnection) -> Vec<(String, i32, i64)> {
    let held = "SELECT p.name, b.units, b.rev FROM (VALUES ('ann'), ('bob'), ('cid')) AS p (name)
                  JOIN deal_buyers AS b ON b.buyer = md5(p.name)::uuid ORDER BY p.name";
    sqlx::query_as(held).fetch_all(database).await.unwrap()
}

/// A database of its own, with Muster's migrations up to this one.
async fn database_up_to(last: &str, app: &TestApp) -> PgConnection {
    let name = format!("{}_before", app.home.name);
    app.home.sql(&format!("CREATE DATABASE {name}")).await;
    let options: PgConnectOptions = app.home.database_url.parse().unwrap();
    let mut database = PgConnection::connect_with(&options.database(&name)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    up_to(last, folder.path());
    Migrator::new(folder.path()).await.unwrap().run(&mut database).await.unwrap();
    sqlx::raw_sql(HELPERS).execute(&mut database).await.unwrap();
    database
}

/// Since migration 13 a buyer's newest signup says what they hold.
#[tokio::test]
async fn what_buyers_hold_is_the_same_after_it_was_moved_to_their_signups() {
    let app = support::app().start().await;
    let mut database = database_up_to("0012", &app).await;
    sqlx::raw_sql(WHO_HOLDS_WHAT).execute(&mut database).await.unwrap();
    let before = held(&mut database).await;
    let of = |name: &str, units, rev| (name.to_owned(), units, rev);
    assert_eq!(before, [of("ann", 2, 8), of("bob", 0, 9), of("cid", 1, 5)]);
    sqlx::migrate!().run(&mut database).await.unwrap();
    assert_eq!(held(&mut database).await, before);
    // And it goes on from there.
    let on = "SELECT joins('kayaks', 'bob', 'b2', 4); SELECT leaves('kayaks', 'ann', 'a2')";
    sqlx::raw_sql(on).execute(&mut database).await.unwrap();
    assert_eq!(held(&mut database).await, [of("ann", 0, 11), of("bob", 4, 10), of("cid", 1, 5)]);
}

/// What has a mark from before migration 12 is not looked through for ever.
#[tokio::test]
async fn what_was_marked_as_settled_counts_as_settled_up_to_there() {
    let app = support::app().start().await;
    let mut database = database_up_to("0012", &app).await;
    sqlx::raw_sql(MARKED_BEFORE).execute(&mut database).await.unwrap();
    sqlx::migrate!().run(&mut database).await.unwrap();
    let settled = "SELECT d.name, t.settled_rev FROM (VALUES ('all'), ('both'), ('some')) AS d (name)
                     LEFT JOIN settling AS t ON t.deal = md5(d.name)::uuid ORDER BY d.name";
    let settled: Vec<(String, Option<i64>)> = sqlx::query_as(settled).fetch_all(&mut database).await.unwrap();
    let of = |name: &str, rev| (name.to_owned(), Some(rev));
    assert_eq!(settled, [of("all", 5), of("both", 4), of("some", 2)]);
}
