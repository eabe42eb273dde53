//! Startup checks for a node whose role does not own the tables, so that the owner must have migrated them.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use sqlx::migrate::{Migrate, Migrator};

use super::{MigrationError, functions};

/// Whether this role may migrate: it owns the tables, or the database is empty and it may create tables.
pub(super) async fn owns(connection: &mut PgConnection) -> Result<bool, MigrationError> {
    let owns = "SELECT coalesce(
                    (SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class AS c WHERE c.oid = to_regclass('_sqlx_migrations')),
                    has_schema_privilege(current_schema(), 'CREATE'),
                    false)";
    Ok(sqlx::query_scalar(owns).fetch_one(connection).await?)
}

/// Checks that the database has every migration of this binary, and its functions or newer ones.
pub(super) async fn check(connection: &mut PgConnection, migrator: &Migrator) -> Result<(), MigrationError> {
    let is_migrated =
        "SELECT to_regclass('_sqlx_migrations') IS NOT NULL AND to_regclass('function_version') IS NOT NULL";
    let is_migrated: bool = sqlx::query_scalar(is_migrated).fetch_one(&mut *connection).await?;
    if !is_migrated {
        return Err(MigrationError::Behind { what: "no schema of this version".to_owned() });
    }
    let applied = connection.list_applied_migrations(&migrator.table_name).await?;
    let applied: BTreeMap<i64, _> =
        applied.into_iter().map(|migration| (migration.version, migration.checksum)).collect();
    for migration in migrator.iter() {
        match applied.get(&migration.version) {
            Some(checksum) if *checksum == migration.checksum => {}
            Some(_) => return Err(sqlx::migrate::MigrateError::VersionMismatch(migration.version).into()),
            None => {
                return Err(MigrationError::Behind { what: format!("no migration {}", migration.version) });
            }
        }
    }
    let stored = functions::stored_version(connection).await?;
    if stored < functions::VERSION {
        let what = format!("SQL functions of version {stored}, and this node needs version {}", functions::VERSION);
        return Err(MigrationError::Behind { what });
    }
    Ok(())
}
