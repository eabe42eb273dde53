//! Errors of seeding.

use crate::domain::FieldProblem;
use crate::people::AuthError;
use crate::store::StoreError;

/// Why seeding failed. Another run continues with the unfinished deal.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// The database was unavailable.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A demo account could not be signed up.
    #[error("cannot sign up a demo account: {0}")]
    Auth(#[from] AuthError),
    /// A sample has invalid terms. This is a bug in the sample.
    #[error("the sample {sample:?} is invalid: {problems:?}")]
    Sample {
        /// The name of the sample.
        sample: &'static str,
        problems: Vec<FieldProblem>,
    },
    /// An operation had an unexpected outcome.
    #[error("cannot bring the sample {sample:?} to its state: the outcome of {verb} was {outcome}")]
    Unexpected {
        /// The name of the sample.
        sample: &'static str,
        /// The operation, such as "joining".
        verb: &'static str,
        outcome: String,
    },
}
