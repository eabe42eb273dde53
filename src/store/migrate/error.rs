//! Why the database could not be brought up to date.

use sqlx::migrate::MigrateError;

/// A failed migration. Only migrations that completed have changed the database.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// Another node holds the migration lock.
    #[error("another node is migrating")]
    OtherNodeMigrates,
    /// This role may not migrate.
    #[error("this role does not own Muster's tables: run `muster migrate` as the role that does")]
    NotOwner,
    /// The database is older than this version, and the node's role may not migrate it.
    #[error("the database has {what}: run `muster migrate` as the owner of its tables, then start the node again")]
    Behind {
        /// The words for the database's state in the message.
        what: String,
    },
    /// The database is at a migration of the earlier series before its last one.
    #[error(
        "the database is at migration {version} of an earlier series, and only migration 14 can be taken over: \
         run `muster migrate` of commit e041413 first, then that of this version"
    )]
    TooOld {
        /// The last migration that was applied.
        version: i64,
    },
    /// The database is at the last migration of the earlier series, but its schema differs from the one that this
    /// migration created.
    #[error(
        "the database is at migration 14 of an earlier series, but its schema differs, so nothing was changed. \
         Undo these differences, then run `muster migrate` again:\n  {}",
        .differences.join("\n  ")
    )]
    SchemaDiffers {
        /// The differences, one per line.
        differences: Vec<String>,
    },
    /// A migration failed, or an applied one has changed since.
    #[error(transparent)]
    Migration(#[from] MigrateError),
    /// A function could not be replaced.
    #[error("sql/functions/{name} failed: {error}")]
    Function {
        /// The file.
        name: &'static str,
        /// The error from Postgres.
        error: sqlx::Error,
    },
    /// Another statement of the migration run failed.
    #[error(transparent)]
    Statement(#[from] sqlx::Error),
}

impl MigrationError {
    /// A statement waited too long for a lock, or was the victim of a deadlock: a retry may succeed.
    pub(super) fn is_lock_timeout(&self) -> bool {
        match self {
            Self::Migration(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _))
            | Self::Function { error, .. }
            | Self::Statement(error) => is_lock_timeout(error),
            _ => false,
        }
    }
}

/// Whether this one statement may succeed when retried.
pub(super) fn is_lock_timeout(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some("55P03" | "40P01"))
}
