//! Only the owner of the tables migrates, and need not be a superuser. Every other role checks and serves.

use super::legacy::{LAST, refusal};
use crate::support;
use crate::support::outcomes::joined;
use crate::support::servers::Backend;

/// The grants that `docs/operating.md` lists as enough to serve.
const ENOUGH_TO_SERVE: &str = "
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :role;
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO :role";

impl Backend {
    /// The same database as a new role that is not a superuser, after running these statements.
    async fn as_role(&self, kind: &str, statements: &str) -> Self {
        let role = format!("{}_{kind}", self.name);
        self.sql(&format!("CREATE ROLE {role} LOGIN")).await;
        self.sql(&statements.replace(":role", &role).replace(":database", &self.name)).await;
        let database_url = self.database_url.replace("&user=muster", &format!("&user={role}"));
        assert_ne!(database_url, self.database_url);
        Self { name: self.name.clone(), database_url, redis_url: self.redis_url.clone() }
    }
}

#[tokio::test]
async fn a_role_without_ownership_serves_a_migrated_database() {
    let backend = Backend::shared().await;
    let app = support::app().at(backend.as_role("guest", ENOUGH_TO_SERVE).await).start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).tipping_point(1).publish().await;
    joined(app.engine_join(&ann, deal.id, 1, "a").await);
    app.settle_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn a_role_without_ownership_refuses_an_outdated_database_and_names_the_command() {
    let backend = Backend::shared().await;
    let guest = backend.as_role("guest", ENOUGH_TO_SERVE).await;
    for (behind, repair, what) in [
        (
            "UPDATE function_version SET version = version - 1",
            "UPDATE function_version SET version = version + 2",
            "SQL functions of version",
        ),
        (
            "UPDATE _sqlx_migrations SET version = -version WHERE version = 2",
            "UPDATE _sqlx_migrations SET version = -version WHERE version < 0",
            "no migration 2",
        ),
    ] {
        backend.sql(behind).await;
        let message = refusal(guest.store().ensure_migrated().await);
        assert!(message.contains(what) && message.contains("run `muster migrate` as the owner"), "{message}");
        backend.sql(repair).await;
        guest.store().ensure_migrated().await.unwrap();
    }
    let message = refusal(guest.store().migrate().await);
    assert!(message.contains("does not own") && message.contains("`muster migrate`"), "{message}");
}

#[tokio::test]
async fn a_role_without_ownership_refuses_a_database_without_the_schema() {
    for backend in [Backend::empty().await, Backend::before_squash(LAST).await] {
        let guest = backend.as_role("guest", ENOUGH_TO_SERVE).await;
        let recorded = backend.query_i64("SELECT count(*) FROM pg_class").await;
        let message = refusal(guest.store().ensure_migrated().await);
        assert!(message.contains("run `muster migrate` as the owner"), "{message}");
        assert_eq!(backend.query_i64("SELECT count(*) FROM pg_class").await, recorded);
    }
}

#[tokio::test]
async fn an_owner_who_is_not_a_superuser_can_migrate_and_adopt_databases() {
    for is_before_squash in [false, true] {
        let backend = Backend::empty().await;
        let owner = backend.as_role("owner", "ALTER DATABASE :database OWNER TO :role").await;
        if is_before_squash {
            owner.migrate_before_squash(LAST).await;
        }
        owner.store().ensure_migrated().await.unwrap();
        let app = support::app().at(owner).start().await;
        app.assert_clean().await;
    }
}
