//! What can go wrong with Postgres, as callers need to tell it apart.

/// A failed call outside the lanes.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Postgres does not answer, or has no connection free: trying again later may succeed.
    #[error("Postgres is away: {0}")]
    Unavailable(sqlx::Error),
    /// A value that must be unique exists: the name of the constraint.
    #[error("{0} is taken")]
    Taken(String),
    /// Anything else: a defect.
    #[error("Postgres refused a statement: {0}")]
    Broken(sqlx::Error),
    /// The schema or the functions could not be brought up to date.
    #[error(transparent)]
    Migration(super::MigrationError),
}

impl StoreError {
    /// The task that did the work ended before it had a result.
    #[must_use]
    pub fn crashed() -> Self {
        Self::Broken(sqlx::Error::WorkerCrashed)
    }

    /// The same for one more of those who waited for one statement.
    pub(super) fn for_another(&self) -> Self {
        let same = sqlx::Error::Io(std::io::Error::other(self.to_string()));
        if matches!(self, Self::Unavailable(_)) { Self::Unavailable(same) } else { Self::Broken(same) }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(refused) if refused.is_unique_violation() => {
                Self::Taken(refused.constraint().unwrap_or_default().to_owned())
            }
            sqlx::Error::Database(refused) => match refused.code().as_deref().unwrap_or_default() {
                // Connection trouble, no resources, an operator's intervention, a lock or a statement that took too long.
                code if code.starts_with("08") || code.starts_with("53") || code.starts_with("57P") => {
                    Self::Unavailable(error)
                }
                "55P03" | "57014" | "40001" | "40P01" | "25006" => Self::Unavailable(error),
                _ => Self::Broken(error),
            },
            // A connection that was cut while it was made, or in the middle of an answer, reads as nonsense.
            sqlx::Error::Protocol(_)
            | sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error),
            _ => Self::Broken(error),
        }
    }
}

/// A row holds something that no version of Muster writes.
pub(super) fn unreadable(what: &str) -> StoreError {
    StoreError::Broken(sqlx::Error::Decode(format!("unreadable {what}").into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_reads_as_nonsense_is_postgres_being_away_and_no_defect() {
        let cut = sqlx::Error::Protocol("unexpected response from SSLRequest: 0x00".to_owned());
        assert!(matches!(StoreError::from(cut), StoreError::Unavailable(_)));
        assert!(matches!(StoreError::from(sqlx::Error::RowNotFound), StoreError::Broken(_)));
    }
}
