//! Why the database could not be brought up to date.

use sqlx::migrate::MigrateError;

/// A failed migration. Nothing changed, or only what complete migrations changed.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// Another node holds the lock of migrations.
    #[error("another node is migrating")]
    OtherNodeMigrates,
    /// A migration failed, or an applied one has changed since.
    #[error(transparent)]
    Migration(#[from] MigrateError),
    /// A function could not be replaced.
    #[error("sql/functions/{name} failed: {error}")]
    Function {
        /// The file.
        name: &'static str,
        /// What Postgres said.
        error: sqlx::Error,
    },
    /// A statement in between failed.
    #[error(transparent)]
    Statement(#[from] sqlx::Error),
}

impl MigrationError {
    /// A statement waited too long for a lock, or was the victim of a deadlock: it may succeed when it is tried again.
    pub(super) fn is_lock_timeout(&self) -> bool {
        match self {
            Self::Migration(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _))
            | Self::Function { error, .. }
            | Self::Statement(error) => is_lock_timeout(error),
            _ => false,
        }
    }
}

/// The same for one statement.
pub(super) fn is_lock_timeout(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some("55P03" | "40P01"))
}
