//! A database from before the squash of the migrations is adopted and keeps working.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sqlx::Executor;
use sqlx::migrate::{Migrate, Migrator};

use super::legacy::LAST;
use crate::api::{Answer, send};
use crate::support::fault::wait_until;
use crate::support::servers::Backend;
use crate::support::{self, Person, TestApp};

/// The coupon keys of the data, newest first: id, and the byte that the key repeats.
const KEYS: [(&str, &str); 2] = [("2", "7a"), ("1", "5e")];
/// The definitions of all functions in a database.
const FUNCTIONS: &str = "
    SELECT string_agg(format('%s(%s) %s %s', p.proname, pg_get_function_arguments(p.oid), p.proconfig, p.prosrc), E'\n'
                      ORDER BY p.proname, pg_get_function_arguments(p.oid))
      FROM pg_proc AS p WHERE p.pronamespace = 'public'::regnamespace AND p.proname <> 'muster_now'";

async fn functions(backend: &Backend) -> String {
    sqlx::query_scalar(FUNCTIONS).fetch_one(&mut backend.connect().await).await.unwrap()
}

/// Columns that later migrations drop, by table.
const DROPPED: [(&str, &str); 1] = [("accounts", "role")];

/// The rows of each table, as JSON objects.
fn rows(dump: &str) -> BTreeMap<String, Vec<Map<String, Value>>> {
    let mut tables = BTreeMap::<String, Vec<_>>::new();
    let mut table = "";
    for line in dump.lines().filter(|line| !line.is_empty()) {
        if let Ok(row) = serde_json::from_str::<Map<String, Value>>(line) {
            tables.get_mut(table).unwrap().push(row);
        } else {
            table = line.strip_suffix(':').unwrap();
            tables.insert(table.to_owned(), Vec::new());
        }
    }
    tables
}

/// Asserts that every row still exists with every value. Later migrations may add tables and columns.
fn assert_kept(before: &str, after: &str) {
    let (before, after) = (rows(before), rows(after));
    assert!(before["signups"].len() > 3 && before["coupons"].len() > 3, "the dump has signups and coupons");
    for (table, before) in before {
        let after = &after[&table];
        assert_eq!(after.len(), before.len(), "{table}");
        for row in before {
            let kept = |(column, value): (&String, &Value), found: &Map<String, Value>| {
                found.get(column) == Some(value) || DROPPED.contains(&(table.as_str(), column.as_str()))
            };
            let found = after.iter().any(|found| row.iter().all(|field| kept(field, found)));
            assert!(found, "{table} has lost the row {row:?}");
        }
    }
}

async fn redeem(merchant: &Person, coupon: &Value) -> Answer {
    let request = json!({"code": coupon["code"], "till": "Pier 1"});
    send(merchant.post("/api/v1/redemptions").json(&request)).await
}

/// A person of the data: the last digits of the id, and the letter that the token repeats.
fn person(app: &TestApp, name: &str, id: &str, letter: &str) -> Person {
    let id = format!("0190a000-0000-7000-8000-{id:0>12}").parse().unwrap();
    app.existing_person(id, name, &format!("mst_{}", letter.repeat(32)))
}

async fn app_at(backend: Backend) -> TestApp {
    let keys = KEYS.map(|(id, byte)| format!("{id}:{}", byte.repeat(32)));
    support::app().at(backend).with("security.coupon_keys", keys.join(",")).start().await
}

#[tokio::test]
async fn a_database_from_before_the_squash_is_adopted_with_all_its_data() {
    let backend = Backend::used_before_squash().await;
    let before = backend.dump().await;
    backend.store().migrate().await.unwrap();
    assert_kept(&before, &backend.dump().await);
    let recorded = backend.recorded_migrations().await;
    assert_eq!(recorded[..2], [(1, "schema".to_owned()), (2, "function version".to_owned())]);
    assert_eq!(functions(&backend).await, functions(&Backend::shared().await).await);

    let owners = "SELECT string_agg(format('%s %s %s %s', m.id = s.account, a.email, m.name, s.role), ', ')
                    FROM merchants AS m JOIN staff AS s ON s.merchant = m.id JOIN accounts AS a ON a.id = s.account";
    let owners: String = sqlx::query_scalar(owners).fetch_one(&mut backend.connect().await).await.unwrap();
    assert_eq!(owners, "t mo@example.com Mo owner", "the merchant has the id of its account");

    let app = app_at(backend).await;
    app.assert_clean().await;
    let (mo, ann) = (person(&app, "Mo", "1", "m"), person(&app, "Ann", "2", "a"));
    let signups = send(ann.get("/api/v1/signups")).await;
    let states: Vec<_> = signups.body["data"].as_array().unwrap().iter().map(|signup| &signup["state"]).collect();
    assert_eq!(states.len(), 3);
    assert_eq!(states.iter().filter(|state| **state == "left").count(), 1);
    let drafts = send(mo.get("/api/v1/deals?mine=true&state=withdrawn")).await;
    assert_eq!(drafts.body["data"][0]["title"], "Cooking class");
    assert_eq!(drafts.body["data"][0]["merchant"], json!(mo.id));
}

#[tokio::test]
async fn coupons_of_every_key_work_in_an_adopted_database() {
    let app = app_at(Backend::used_before_squash().await).await;
    let mo = person(&app, "Mo", "1", "m");
    let mut redeemed = 0;
    for (name, id, letter) in [("Ann", "2", "a"), ("Bob", "3", "b"), ("Cid", "4", "c")] {
        let coupons = send(person(&app, name, id, letter).get("/api/v1/coupons")).await;
        for coupon in coupons.body["data"].as_array().unwrap() {
            let answer = redeem(&mo, coupon).await;
            if coupon["state"] == "redeemed" {
                assert_eq!((answer.status, answer.code()), (409, "already_redeemed"));
                redeemed += 1;
            } else {
                assert_eq!((answer.status, &answer.body["coupon"]), (201, &coupon["id"]));
            }
        }
    }
    assert_eq!(redeemed, 2, "one coupon of each key was redeemed before");
    let left = "SELECT count(*) FROM coupons WHERE redeemed_at IS NULL";
    assert_eq!(app.backend.query_i64(left).await, 0);
    assert_eq!(app.backend.query_i64("SELECT count(DISTINCT key_id) FROM coupons").await, 2);
    app.assert_clean().await;
}

/// Adoption compares a database with a committed text. The text must describe what `0001_schema.sql` creates.
#[tokio::test]
async fn the_first_migration_creates_the_schema_that_adoption_expects() {
    let backend = Backend::empty().await;
    let mut database = backend.connect().await;
    sqlx::migrate!().run_to(1, &mut database).await.unwrap();
    let pretend = format!(
        "UPDATE _sqlx_migrations SET description = 'people';
         INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         SELECT n, 'of before', true, '', 0 FROM generate_series(2, {LAST}) AS n"
    );
    database.execute(sqlx::AssertSqlSafe(pretend)).await.unwrap();
    backend.store().migrate().await.unwrap();
    assert_eq!(backend.recorded_migrations().await[0].1, "schema");
}

/// Adoption takes the lock that sqlx takes for migrations, so an older node that starts during it does not interfere.
#[tokio::test]
async fn of_nodes_that_start_together_one_adopts_the_database_while_the_others_wait() {
    let backend = Backend::used_before_squash().await;
    let mut other = backend.connect().await;
    other.lock().await.unwrap();
    let stores = [backend.store(), backend.store(), backend.store()];
    let nodes: Vec<_> = stores.map(|store| tokio::spawn(async move { store.migrate().await })).into();
    wait_until("all three nodes wait", async || backend.waiting_for_locks().await == 3).await;
    assert_eq!(backend.recorded_migrations().await.len(), usize::try_from(LAST).unwrap(), "nothing has changed yet");
    other.unlock().await.unwrap();
    for node in nodes {
        node.await.unwrap().unwrap();
    }
    let migrator: Migrator = sqlx::migrate!();
    assert_eq!(backend.recorded_migrations().await.len(), migrator.iter().count());
}
