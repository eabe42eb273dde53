//! The errors of bringing the database up to date.

use sqlx::migrate::MigrateError;

/// Why the schema or the functions are not up to date. Completed migrations stay applied.
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
        /// The database's state, in words for the message.
        what: String,
    },
    /// The database is at a migration before the last one of the earlier series.
    #[error(
        "the database is at migration {version} of an earlier series, and only migration 14 can be taken over: \
         run `muster migrate` of commit e041413 first, then that of this version"
    )]
    TooOld {
        /// The last migration that was applied.
        version: i64,
    },
    /// The database is at the last migration of the earlier series, but its schema is not the one that this migration
    /// left.
    #[error(
        "the database is at migration 14 of an earlier series, but its schema differs, so nothing was changed. \
         Undo these differences, then run `muster migrate` again:\n  {}",
        .differences.join("\n  ")
    )]
    SchemaDiffers {
        /// The differences, one per line.
        differences: Vec<String>,
    },
    /// A migration failed, or a migration changed after it was applied.
    #[error(transparent)]
    Migration(#[from] MigrateError),
    /// A function could not be replaced.
    #[error("sql/functions/{name} failed: {error}")]
    Function {
        /// The file name.
        name: &'static str,
        /// The error from Postgres.
        error: sqlx::Error,
    },
    /// Another statement of the migration run failed.
    #[error(transparent)]
    Statement(#[from] sqlx::Error),
}

impl MigrationError {
    /// Whether a statement waited too long for a lock, or was the victim of a deadlock. A retry may succeed.
    pub(super) fn is_lock_timeout(&self) -> bool {
        match self {
            Self::Migration(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _))
            | Self::Function { error, .. }
            | Self::Statement(error) => is_lock_timeout(error),
            _ => false,
        }
    }
}

/// Whether the error is a lock timeout or a deadlock.
pub(super) fn is_lock_timeout(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some("55P03" | "40P01"))
}
