//! The version of the functions decides which binary's functions are in the database.

use std::process::{Command, Output};

use crate::support::servers::Backend;

/// Changes a function the way another version would.
const OF_ANOTHER_VERSION: &str =
    "CREATE OR REPLACE FUNCTION begin_epoch() RETURNS bigint LANGUAGE sql AS 'SELECT 4711::bigint'";

/// Whether the database has the functions of another version.
async fn has_functions_of_another_version(backend: &Backend) -> bool {
    backend.query_i64("SELECT count(*) FROM pg_proc WHERE proname = 'begin_epoch' AND prosrc LIKE '%4711%'").await == 1
}

async fn version(backend: &Backend) -> i64 {
    backend.query_i64("SELECT version FROM function_version").await
}

fn migrate(backend: &Backend, arguments: &[&str]) -> Output {
    let settings = [("DATABASE_URL", backend.database_url.as_str()), ("REDIS_URL", &backend.redis_url)];
    let key = ("MUSTER__SECURITY__COUPON_KEYS", format!("1:{}", "5e".repeat(32)));
    let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
    command.arg("migrate").args(arguments).envs(settings).env(key.0, key.1);
    command.output().unwrap()
}

#[tokio::test]
async fn functions_of_an_older_version_are_replaced() {
    let backend = Backend::shared().await;
    let present = version(&backend).await;
    backend.sql(OF_ANOTHER_VERSION).await;
    backend.sql("UPDATE function_version SET version = 0").await;
    backend.store().migrate().await.unwrap();
    assert!(!has_functions_of_another_version(&backend).await);
    assert_eq!(version(&backend).await, present);
}

#[tokio::test]
async fn an_older_node_leaves_newer_functions_and_migrations_in_place() {
    let backend = Backend::shared().await;
    backend.sql(OF_ANOTHER_VERSION).await;
    backend
        .sql(
            "UPDATE function_version SET version = 999;
         INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (999, 'of a newer version', true, '', 0)",
        )
        .await;
    backend.store().ensure_migrated().await.unwrap();
    assert!(has_functions_of_another_version(&backend).await);
    assert_eq!(version(&backend).await, 999);
}

#[tokio::test]
async fn migrate_with_the_functions_option_restores_the_binarys_own_functions() {
    let backend = Backend::shared().await;
    let present = version(&backend).await;
    backend.sql(OF_ANOTHER_VERSION).await;
    backend.sql("UPDATE function_version SET version = 999").await;
    let without = migrate(&backend, &[]);
    assert!(without.status.success(), "{without:?}");
    assert!(has_functions_of_another_version(&backend).await, "without the option, the functions stay");
    let with = migrate(&backend, &["--functions"]);
    assert!(with.status.success(), "{with:?}");
    assert!(!has_functions_of_another_version(&backend).await);
    assert_eq!(version(&backend).await, present);
}

/// The version and the functions are committed together.
#[tokio::test]
async fn a_function_that_cannot_be_replaced_leaves_all_functions_unchanged() {
    let backend = Backend::shared().await;
    backend.sql(OF_ANOTHER_VERSION).await;
    backend.sql(
        "UPDATE function_version SET version = 0;
         DROP FUNCTION withdraw_deal;
         CREATE FUNCTION withdraw_deal(deal_id uuid, merchant_id uuid, reason text) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
    )
    .await;
    let message = super::legacy::refusal(backend.store().migrate().await);
    assert!(message.contains("sql/functions/withdraw_deal.sql"), "{message}");
    assert!(has_functions_of_another_version(&backend).await);
    assert_eq!(version(&backend).await, 0);
}
