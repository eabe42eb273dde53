//! Who may migrate: the owner of the tables, who need not be a superuser. Everybody else checks and serves.

use super::before::{LAST, said};
use crate::support;
use crate::support::outcomes::joined;
use crate::support::servers::Home;

/// What `docs/operating.md` says is enough to serve.
const ENOUGH_TO_SERVE: &str = "
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO :role;
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO :role";

impl Home {
    /// The same database, as a new role that is no superuser, after these statements about it.
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
async fn a_role_that_owns_nothing_serves_a_database_that_its_owner_has_migrated() {
    let home = Home::shared().await;
    let app = support::app().at(home.as_role("guest", ENOUGH_TO_SERVE).await).start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).tipping_point(1).publish().await;
    joined(app.join(&ann, deal.id, 1, "a").await);
    app.settle_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn a_role_that_owns_nothing_stops_at_a_database_that_is_behind_and_names_the_command() {
    let home = Home::shared().await;
    let guest = home.as_role("guest", ENOUGH_TO_SERVE).await;
    for (behind, mended, what) in [
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
        home.sql(behind).await;
        let said = said(guest.store().ensure_migrated().await);
        assert!(said.contains(what) && said.contains("run `muster migrate` as the owner"), "{said}");
        home.sql(mended).await;
        guest.store().ensure_migrated().await.unwrap();
    }
    let said = said(guest.store().migrate().await);
    assert!(said.contains("does not own") && said.contains("`muster migrate`"), "{said}");
}

#[tokio::test]
async fn a_role_that_owns_nothing_stops_at_a_database_without_the_schema() {
    for home in [Home::empty().await, Home::before_squash(LAST).await] {
        let guest = home.as_role("guest", ENOUGH_TO_SERVE).await;
        let recorded = home.number("SELECT count(*) FROM pg_class").await;
        let said = said(guest.store().ensure_migrated().await);
        assert!(said.contains("run `muster migrate` as the owner"), "{said}");
        assert_eq!(home.number("SELECT count(*) FROM pg_class").await, recorded);
    }
}

#[tokio::test]
async fn an_owner_who_is_no_superuser_migrates_and_takes_databases_over() {
    for is_of_before in [false, true] {
        let home = Home::empty().await;
        let owner = home.as_role("owner", "ALTER DATABASE :database OWNER TO :role").await;
        if is_of_before {
            owner.migrate_before_squash(LAST).await;
        }
        owner.store().ensure_migrated().await.unwrap();
        let app = support::app().at(owner).start().await;
        app.assert_clean().await;
    }
}
