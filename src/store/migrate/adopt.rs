//! Adopts databases that an earlier series of migrations created.
//!
//! `migrations/0001_schema.sql` replaced that series, and creates the schema that its last migration left. A database
//! at that migration with that schema needs only new records of the applied migrations. Its functions have version 0,
//! so they are replaced afterwards.

use sqlx::PgConnection;
use sqlx::migrate::Migrator;

use super::{MigrationError, schema};

/// The recorded description of migration 1 of the earlier series.
const FIRST_MIGRATION: &str = "people";
const LAST_VERSION: i64 = 14;

/// Records `0001_schema.sql` as applied, if the earlier series created the database. The caller holds the migration
/// lock.
pub(super) async fn adopt(connection: &mut PgConnection, migrator: &Migrator) -> Result<(), MigrationError> {
    let Some(version) = version_before_squash(connection).await? else { return Ok(()) };
    if version != LAST_VERSION {
        return Err(MigrationError::TooOld { version });
    }
    let differences = schema::differences(connection).await?;
    if !differences.is_empty() {
        return Err(MigrationError::SchemaDiffers { differences });
    }
    let Some(schema) = migrator.iter().find(|migration| migration.version == 1) else { return Ok(()) };
    sqlx::query(
        "WITH gone AS (DELETE FROM _sqlx_migrations WHERE version > 1)
         UPDATE _sqlx_migrations SET description = $1, checksum = $2 WHERE version = 1",
    )
    .bind(&*schema.description)
    .bind(&*schema.checksum)
    .execute(connection)
    .await?;
    tracing::info!("adopted a database of the earlier migrations");
    Ok(())
}

/// The last applied migration of the earlier series. `None` if the database is empty, or was created by
/// `0001_schema.sql`.
async fn version_before_squash(connection: &mut PgConnection) -> Result<Option<i64>, MigrationError> {
    let is_migrated: bool =
        sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL").fetch_one(&mut *connection).await?;
    if !is_migrated {
        return Ok(None);
    }
    let last = "SELECT max(version) FROM _sqlx_migrations HAVING bool_or(version = 1 AND description = $1)";
    Ok(sqlx::query_scalar(last).bind(FIRST_MIGRATION).fetch_optional(connection).await?)
}
