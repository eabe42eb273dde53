//! Databases that the earlier series of migrations created.

use std::path::Path;

use muster::store::{Store, StoreError};
use sqlx::migrate::Migrator;

use crate::support::servers::{Backend, store_settings};

/// The last migration of the earlier series.
pub const LAST: i64 = 14;
/// The data of a database after that migration. Deal "Kayak tour" has tipped and has coupons of two keys. Ann has three
/// signups in it and has left one of them. "Cooking class" was withdrawn as a draft.
const DATA: &str = include_str!("data_before_squash.sql");

impl Backend {
    /// An empty database after the earlier series up to this migration.
    pub async fn before_squash(last: i64) -> Self {
        let backend = Self::empty().await;
        backend.migrate_before_squash(last).await;
        backend
    }

    /// Applies the earlier series up to this migration.
    pub async fn migrate_before_squash(&self, last: i64) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/store/migrations_before_squash");
        let migrator = Migrator::new(folder).await.unwrap();
        migrator.run_to(last, &mut self.connect().await).await.unwrap();
    }

    /// A database with data from before the squash.
    pub async fn used_before_squash() -> Self {
        let backend = Self::before_squash(LAST).await;
        sqlx::raw_sql(DATA).execute(&mut backend.connect().await).await.unwrap();
        backend
    }

    /// A store of the present version, as the role that owns the database.
    pub fn store(&self) -> Store {
        Store::new(&store_settings(self.database_url.clone())).unwrap()
    }

    /// The recorded migrations with their descriptions.
    pub async fn recorded_migrations(&self) -> Vec<(i64, String)> {
        let all = "SELECT version, description FROM _sqlx_migrations ORDER BY version";
        sqlx::query_as(all).fetch_all(&mut self.connect().await).await.unwrap()
    }
}

/// The message of a migration that was refused.
pub fn refusal(refused: Result<(), StoreError>) -> String {
    match refused {
        Err(StoreError::Migration(error)) => error.to_string(),
        other => panic!("the migration was not refused: {other:?}"),
    }
}
