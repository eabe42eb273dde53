//! The version of the functions decides whose are in the database.

use std::process::{Command, Output};

use crate::support::servers::Home;

/// Changes a function the way another version would.
const OF_ANOTHER_VERSION: &str =
    "CREATE OR REPLACE FUNCTION begin_epoch() RETURNS bigint LANGUAGE sql AS 'SELECT 4711::bigint'";

/// Whether the database has the functions of another version.
async fn are_of_another_version(home: &Home) -> bool {
    home.number("SELECT count(*) FROM pg_proc WHERE proname = 'begin_epoch' AND prosrc LIKE '%4711%'").await == 1
}

async fn version(home: &Home) -> i64 {
    home.number("SELECT version FROM function_version").await
}

fn migrate(home: &Home, arguments: &[&str]) -> Output {
    let settings = [("DATABASE_URL", home.database_url.as_str()), ("REDIS_URL", &home.redis_url)];
    let key = ("MUSTER__SECURITY__COUPON_KEYS", format!("1:{}", "5e".repeat(32)));
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
    command.arg("migrate").args(arguments).envs(settings).env(key.0, key.1);
    command.output().unwrap()
}

#[tokio::test]
async fn functions_of_an_older_version_are_replaced() {
    let home = Home::shared().await;
    let present = version(&home).await;
    home.sql(OF_ANOTHER_VERSION).await;
    home.sql("UPDATE function_version SET version = 0").await;
    home.store().migrate().await.unwrap();
    assert!(!are_of_another_version(&home).await);
    assert_eq!(version(&home).await, present);
}

#[tokio::test]
async fn a_node_of_an_older_version_leaves_newer_functions_and_migrations_in_place() {
    let home = Home::shared().await;
    home.sql(OF_ANOTHER_VERSION).await;
    home.sql(
        "UPDATE function_version SET version = 999;
         INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (999, 'of a newer version', true, '', 0)",
    )
    .await;
    home.store().ensure_migrated().await.unwrap();
    assert!(are_of_another_version(&home).await);
    assert_eq!(version(&home).await, 999);
}

#[tokio::test]
async fn after_a_roll_back_muster_migrate_puts_the_functions_of_its_own_version_back() {
    let home = Home::shared().await;
    let present = version(&home).await;
    home.sql(OF_ANOTHER_VERSION).await;
    home.sql("UPDATE function_version SET version = 999").await;
    let without = migrate(&home, &[]);
    assert!(without.status.success(), "{without:?}");
    assert!(are_of_another_version(&home).await, "not without being told to");
    let with = migrate(&home, &["--functions"]);
    assert!(with.status.success(), "{with:?}");
    assert!(!are_of_another_version(&home).await);
    assert_eq!(version(&home).await, present);
}

/// The version and the functions are committed together.
#[tokio::test]
async fn a_function_that_cannot_be_replaced_leaves_all_of_them_as_they_were() {
    let home = Home::shared().await;
    home.sql(OF_ANOTHER_VERSION).await;
    home.sql(
        "UPDATE function_version SET version = 0;
         DROP FUNCTION withdraw_deal;
         CREATE FUNCTION withdraw_deal(deal_id uuid, merchant_id uuid, reason text) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    )
    .await;
    let said = super::before::said(home.store().migrate().await);
    assert!(said.contains("sql/functions/withdraw_deal.sql"), "{said}");
    assert!(are_of_another_version(&home).await);
    assert_eq!(version(&home).await, 0);
}
