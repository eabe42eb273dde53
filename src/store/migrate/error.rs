//! Why the database could not be brought up to date.

use sqlx::migrate::MigrateError;

/// A failed migration. Nothing changed, or only what complete migrations changed.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// Another node holds the lock of migrations.
    #[error("another node is migrating")]
    OtherNodeMigrates,
    /// This role may not migrate.
    #[error("this role does not own Muster's tables: run `muster migrate` as the role that does")]
    NotOwner,
    /// The database is older than this version, and the node's role may not migrate it.
    #[error("the database has {what}: run `muster migrate` as the owner of its tables, then start the node again")]
    Behind {
        /// What the database has instead.
        what: String,
    },
    /// An earlier series of migrations created the database, and left it before the end.
    #[error(
        "the database is at migration {version} of an earlier series, and only migration 14 can be taken over: \
         run `muster migrate` of commit e041413 first, then that of this version"
    )]
    TooOld {
        /// The last migration that was applied.
        version: i64,
    },
    /// The database is at the last migration of the earlier series, and its schema is not what that created.
    #[error(
        "the database is at migration 14 of an earlier series, but its schema differs, so nothing was changed. \
         Undo these differences, then run `muster migrate` again:\n  {}",
        .differences.join("\n  ")
    )]
    SchemaDiffers {
        /// One a line.
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
