//! Errors of the database, in the categories that callers handle differently.

/// A failed call outside the lanes.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database did not answer, timed out, or had no free connection. A retry may succeed.
    #[error("the database is unavailable: {0}")]
    Unavailable(sqlx::Error),
    /// Too many requests wait for the same read. Nothing was done; a retry may succeed.
    #[error("too many reads are waiting")]
    Busy,
    /// A unique value exists already. Contains the name of the constraint.
    #[error("{0} is taken")]
    Taken(String),
    /// Any other failure, which is a defect.
    #[error("Postgres refused a statement: {0}")]
    Broken(sqlx::Error),
    /// The schema or the functions could not be brought up to date.
    #[error(transparent)]
    Migration(super::MigrationError),
}

impl StoreError {
    /// The task that did the work ended without a result.
    #[must_use]
    pub fn crashed() -> Self {
        Self::Broken(sqlx::Error::WorkerCrashed)
    }

    /// The error for another request that shared the read.
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
                // Connection failures, exhausted resources, operator intervention.
                code if code.starts_with("08") || code.starts_with("53") || code.starts_with("57P") => {
                    Self::Unavailable(error)
                }
                // Lock timeout, statement timeout, serialisation failure, deadlock, read-only standby.
                "55P03" | "57014" | "40001" | "40P01" | "25006" => Self::Unavailable(error),
                _ => Self::Broken(error),
            },
            // A connection that is lost during its set-up or within an answer causes a protocol error.
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

/// A stored value that no version of Muster writes.
pub(crate) fn unreadable(what: &str) -> StoreError {
    StoreError::Broken(sqlx::Error::Decode(format!("unreadable {what}").into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocol_error_means_that_the_database_is_unavailable() {
        let cut = sqlx::Error::Protocol("unexpected response from SSLRequest: 0x00".to_owned());
        assert!(matches!(StoreError::from(cut), StoreError::Unavailable(_)));
        assert!(matches!(StoreError::from(sqlx::Error::RowNotFound), StoreError::Broken(_)));
    }
}
