//! The SQL functions in `sql/functions`, compiled into the binary.
//!
//! If the binary has a higher version than the database, one transaction replaces all functions. A node of an older
//! version leaves newer functions in place. From the first release on, both versions can use them, because a function
//! whose signature changes gets a new name.

use sqlx::{Connection, Executor, PgConnection};

use super::MigrationError;

/// The version of the functions. It rises with every change of the files.
pub(super) const VERSION: i32 = 8;
/// The hash of [`VERSION`] and the files. A test fails if only one of the two has changed.
#[cfg(test)]
const HASH: &str = "8190ba95e023392e1b5a31db5a38495029d954805df27e3391a2c2d77105e5a1";

/// The name and text of each file.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/functions.rs"));

/// Which stored functions to replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replace {
    /// Functions of a lower version than the binary's.
    Older,
    /// Functions of any version.
    Any,
}

/// Replaces the database's functions with the binary's, if `which` includes their version. The caller holds the
/// migration lock.
pub(super) async fn replace(connection: &mut PgConnection, which: Replace) -> Result<(), MigrationError> {
    let stored = stored_version(connection).await?;
    if which == Replace::Older && stored >= VERSION {
        return Ok(());
    }
    let mut transaction = connection.begin().await?;
    for (name, text) in FILES {
        let replaced = transaction.execute(*text).await;
        replaced.map_err(|error| MigrationError::Function { name, error })?;
    }
    sqlx::query!("UPDATE function_version SET version = $1", VERSION).execute(&mut *transaction).await?;
    transaction.commit().await?;
    tracing::info!(from = stored, to = VERSION, "SQL functions replaced");
    Ok(())
}

/// The version of the functions in the database.
pub(super) async fn stored_version(connection: &mut PgConnection) -> Result<i32, MigrationError> {
    Ok(sqlx::query_scalar!("SELECT version FROM function_version").fetch_one(connection).await?)
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::{FILES, HASH, VERSION};

    fn hash(version: i32) -> String {
        let mut hash = Sha256::new();
        hash.update(version.to_be_bytes());
        for (name, text) in FILES {
            for part in [name, text] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
        }
        data_encoding::HEXLOWER.encode(&hash.finalize())
    }

    /// The message contains the hash for the next version only, so that each change of the files raises the version.
    #[test]
    fn the_version_rises_when_a_function_changes_and_only_then() {
        let is_raised_alone = hash(VERSION - 1) == HASH;
        assert!(
            !is_raised_alone,
            "no file in sql/functions has changed: put VERSION in src/store/migrate/functions.rs back to {}",
            VERSION - 1
        );
        let next = VERSION + 1;
        assert!(
            hash(VERSION) == HASH,
            "a file in sql/functions has changed. In src/store/migrate/functions.rs, set VERSION to {next} and HASH to {:?}",
            hash(next)
        );
    }
}
