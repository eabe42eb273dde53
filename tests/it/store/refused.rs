//! Databases that cannot be adopted: nothing is changed, and the message says what to do.

use super::legacy::{LAST, refusal};
use crate::support::servers::Backend;

#[tokio::test]
async fn a_database_too_old_to_adopt_is_refused_with_the_commit_that_upgrades_it() {
    let backend = Backend::before_squash(LAST - 1).await;
    let recorded = backend.recorded_migrations().await;
    let message = refusal(backend.store().migrate().await);
    assert!(message.contains("at migration 13") && message.contains("of commit e041413"), "{message}");
    assert_eq!(backend.recorded_migrations().await, recorded);
}

#[tokio::test]
async fn a_differing_schema_is_refused_with_its_differences() {
    let backend = Backend::used_before_squash().await;
    backend.sql(
        "ALTER TABLE deals ADD COLUMN note text, DROP CONSTRAINT deals_never_oversold, ALTER COLUMN city TYPE varchar(80);
         DROP INDEX coupons_of_buyer;
         ALTER TABLE deals DISABLE TRIGGER deals_check",
    )
    .await;
    let (data, recorded) = (backend.dump().await, backend.recorded_migrations().await);
    let message = refusal(backend.store().migrate().await);
    for difference in [
        "unexpected: deals.note: text",
        "missing: deals, constraint deals_never_oversold: CHECK (units <= cap)",
        "missing: deals.city: text",
        "unexpected: deals.city: character varying(80)",
        "missing: coupons, index coupons_of_buyer: ",
        "unexpected: deals, trigger deals_check: ",
    ] {
        assert!(message.contains(difference), "{difference} is not in: {message}");
    }
    assert_eq!((backend.dump().await, backend.recorded_migrations().await), (data, recorded));
}

/// Operators may add tables, views and indexes, and tune storage.
#[tokio::test]
async fn objects_that_an_operator_added_do_not_prevent_adoption() {
    let backend = Backend::used_before_squash().await;
    backend
        .sql(
            "CREATE TABLE report (n integer PRIMARY KEY);
         CREATE VIEW busy AS SELECT id, units FROM deals;
         CREATE INDEX signups_by_day ON signups (joined_at);
         ALTER TABLE deals SET (fillfactor = 60);
         COMMENT ON TABLE deals IS 'deals'",
        )
        .await;
    backend.store().migrate().await.unwrap();
}
