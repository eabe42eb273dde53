//! Databases that cannot be taken over: nothing is changed, and the message says what to do.

use super::before::{LAST, said};
use crate::support::servers::Home;

#[tokio::test]
async fn a_database_older_than_migration_14_is_refused_with_the_commit_that_can_upgrade_it() {
    let home = Home::before_squash(LAST - 1).await;
    let recorded = home.recorded_migrations().await;
    let said = said(home.store().migrate().await);
    assert!(said.contains("at migration 13") && said.contains("of commit e041413"), "{said}");
    assert_eq!(home.recorded_migrations().await, recorded);
}

#[tokio::test]
async fn a_schema_that_differs_is_refused_and_the_differences_are_named() {
    let home = Home::used_before_squash().await;
    home.sql(
        "ALTER TABLE deals ADD COLUMN note text, DROP CONSTRAINT deals_never_oversold, ALTER COLUMN city TYPE varchar(80);
         DROP INDEX coupons_of_buyer;
         ALTER TABLE deals DISABLE TRIGGER deals_check",
    )
    .await;
    let (data, recorded) = (home.dump().await, home.recorded_migrations().await);
    let said = said(home.store().migrate().await);
    for difference in [
        "unexpected: deals.note: text",
        "missing: deals, constraint deals_never_oversold: CHECK (units <= cap)",
        "missing: deals.city: text",
        "unexpected: deals.city: character varying(80)",
        "missing: coupons, index coupons_of_buyer: ",
        "unexpected: deals, trigger deals_check: ",
    ] {
        assert!(said.contains(difference), "{difference} is not in: {said}");
    }
    assert_eq!((home.dump().await, home.recorded_migrations().await), (data, recorded));
}

/// Operators may add tables, views and indexes of their own, and tune storage.
#[tokio::test]
async fn an_operators_own_tables_and_indexes_do_not_prevent_adoption() {
    let home = Home::used_before_squash().await;
    home.sql(
        "CREATE TABLE report (n integer PRIMARY KEY);
         CREATE VIEW busy AS SELECT id, units FROM deals;
         CREATE INDEX signups_by_day ON signups (joined_at);
         ALTER TABLE deals SET (fillfactor = 60);
         COMMENT ON TABLE deals IS 'deals'",
    )
    .await;
    home.store().migrate().await.unwrap();
}
