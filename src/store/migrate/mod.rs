//! Brings the schema and the SQL functions up to date while nodes are serving.
//!
//! A statement that waits for a table lock blocks every later statement on that table. So a migration waits briefly for
//! locks, and is retried. It runs on its own connection, because it may exceed the pool's statement timeout. Closing
//! the connection rolls back unfinished work and releases the advisory lock, so that the next node can migrate.

mod adopt;
mod error;
mod functions;
mod guest;
mod schema;

use std::sync::LazyLock;
use std::time::Duration;

use rand::RngExt;
use sqlx::migrate::{Migrate, MigrateError, Migrator};
use sqlx::{Connection, Executor};
use tokio::time::Instant;

pub use error::MigrationError;
use functions::Replace;

use super::{Store, StoreError, session_setup};

static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrator = sqlx::migrate!();
    // A node of an older version must start even if the database has migrations of a newer version.
    migrator.set_ignore_missing(true);
    migrator
});

/// How long a migration statement waits for a lock, which is also how long the wait may block other statements.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);
/// The maximum wait between attempts; the minimum is half of it.
const PAUSE: Duration = Duration::from_millis(500);
/// How long a migration keeps retrying while a table is locked.
const PATIENCE: Duration = Duration::from_mins(2);

impl Store {
    /// Brings the schema and the functions up to date. Several nodes may call this concurrently: one migrates while the
    /// others wait.
    ///
    /// # Errors
    /// The role does not own the tables, a migration changed after it was applied, or a table was locked for minutes.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.migrate_with(&MIGRATOR).await
    }

    /// [`Store::migrate`] with other migrations.
    ///
    /// # Errors
    /// As for [`Store::migrate`].
    pub async fn migrate_with(&self, migrator: &Migrator) -> Result<(), StoreError> {
        self.keep_trying(migrator, Replace::Older, LOCK_TIMEOUT).await
    }

    /// [`Store::migrate_with`] with another lock timeout for each attempt.
    ///
    /// # Errors
    /// As for [`Store::migrate`].
    pub async fn migrate_waiting(&self, migrator: &Migrator, lock_timeout: Duration) -> Result<(), StoreError> {
        self.keep_trying(migrator, Replace::Older, lock_timeout).await
    }

    /// [`Store::migrate`], but replaces the functions even if the database has newer ones. For rolling back a
    /// deployment.
    ///
    /// # Errors
    /// As for [`Store::migrate`].
    pub async fn restore_functions(&self) -> Result<(), StoreError> {
        self.keep_trying(&MIGRATOR, Replace::Any, LOCK_TIMEOUT).await
    }

    /// Makes sure that this version can use the database. Migrates it if the role owns the tables; otherwise checks
    /// that the owner has migrated it.
    ///
    /// # Errors
    /// See [`Store::migrate`]; or the database is behind, and the role does not own the tables.
    pub async fn ensure_migrated(&self) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await?;
        if guest::owns(&mut connection).await.map_err(StoreError::Migration)? {
            drop(connection);
            return self.migrate().await;
        }
        guest::check(&mut connection, &MIGRATOR).await.map_err(StoreError::Migration)
    }

    async fn keep_trying(
        &self,
        migrator: &Migrator,
        replace: Replace,
        lock_timeout: Duration,
    ) -> Result<(), StoreError> {
        let since = Instant::now();
        loop {
            match self.try_to_migrate(migrator, replace, lock_timeout).await {
                Err(MigrationError::OtherNodeMigrates) => tracing::info!("waiting while another node migrates"),
                Err(error) if error.is_lock_timeout() && since.elapsed() < PATIENCE => {
                    tracing::warn!(%error, "a migration is waiting for a lock");
                }
                done => return done.map_err(StoreError::Migration),
            }
            tokio::time::sleep(pause()).await;
        }
    }

    async fn try_to_migrate(
        &self,
        migrator: &Migrator,
        replace: Replace,
        lock_timeout: Duration,
    ) -> Result<(), MigrationError> {
        // The pool waits while Postgres starts. The connection is not returned to the pool.
        let mut connection = self.pool.acquire().await?.detach();
        connection.execute(sqlx::AssertSqlSafe(session_setup(lock_timeout, Duration::ZERO))).await?;
        // `run_direct` takes this lock a second time, and releases it once. Closing the connection releases the first
        // one.
        match connection.lock().await {
            Err(MigrateError::Execute(error)) if error::is_lock_timeout(&error) => {
                return Err(MigrationError::OtherNodeMigrates);
            }
            locked => locked?,
        }
        if !guest::owns(&mut connection).await? {
            return Err(MigrationError::NotOwner);
        }
        adopt::adopt(&mut connection, migrator).await?;
        migrator.run_direct(None, &mut connection, false).await?;
        functions::replace(&mut connection, replace).await?;
        Ok(connection.close().await?)
    }
}

/// [`PAUSE`] with jitter, so that waiting nodes do not retry simultaneously.
fn pause() -> Duration {
    PAUSE.mul_f64(rand::rng().random_range(0.5..1.0))
}
