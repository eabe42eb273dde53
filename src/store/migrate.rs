//! Bringing the schema up to date, next to nodes that serve.
//!
//! A statement that waits for a table stops everybody who comes after it, so it waits shortly and comes again; and a
//! migration may take longer than any statement of a page. So this has a connection of its own. What it had begun when it
//! failed ends with the connection, the lock between several that migrate included.

use std::time::Duration;

use rand::RngExt;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{Connection, Executor};
use tokio::time::Instant;

use super::{Store, StoreError, session_setup};

static MIGRATOR: Migrator = sqlx::migrate!();

/// The longest that others wait behind a statement that waits.
const LOCK_TIMEOUT: Duration = Duration::from_secs(1);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(500);
/// How long a table may be in use by somebody who does not let go of it.
const PATIENCE: Duration = Duration::from_mins(2);

impl Store {
    /// Brings the schema up to date. Safe to call from several nodes at once: one does it, the others wait for it.
    ///
    /// # Errors
    /// Postgres is away, a migration that was applied has changed since, or a table was in use for minutes.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        self.migrate_with(&MIGRATOR).await
    }

    /// As [`Store::migrate`], with these migrations.
    ///
    /// # Errors
    /// As there.
    pub async fn migrate_with(&self, migrator: &Migrator) -> Result<(), StoreError> {
        let since = Instant::now();
        loop {
            match self.try_to_migrate(migrator).await {
                // Somebody else migrates. However long that takes, it comes to an end.
                Err(MigrateError::Execute(error)) if must_wait(&error) => {
                    tracing::info!("waiting for another node that migrates");
                }
                Err(MigrateError::ExecuteMigration(error, version))
                    if must_wait(&error) && since.elapsed() < PATIENCE =>
                {
                    tracing::warn!(%error, version, "a migration waits for a table that is in use");
                }
                done => return done.map_err(StoreError::Migration),
            }
            tokio::time::sleep(pause()).await;
        }
    }

    async fn try_to_migrate(&self, migrator: &Migrator) -> Result<(), MigrateError> {
        // From the pool, because that is patient with a Postgres that is starting; it never goes back there.
        let mut connection = self.pool.acquire().await?.detach();
        connection.execute(sqlx::AssertSqlSafe(session_setup(LOCK_TIMEOUT, Duration::ZERO))).await?;
        migrator.run_direct(None, &mut connection, false).await?;
        Ok(connection.close().await?)
    }
}

/// Not the same for all that wait.
fn pause() -> Duration {
    PAUSE.mul_f64(rand::rng().random_range(0.5..1.0))
}

/// A lock took too long, or two waited for each other.
fn must_wait(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some("55P03" | "40P01"))
}
