//! Why the sample deals could not be made.

use crate::auth::AuthError;
use crate::domain::FieldProblem;
use crate::store::StoreError;

/// Why a sample deal is not in the state that it was to show. Seeding again goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// Postgres said why.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A demo account could not be signed up.
    #[error("a demo account could not be signed up: {0}")]
    Auth(#[from] AuthError),
    /// A text or number of a sample breaks a rule: a defect of the sample.
    #[error("the sample {sample:?} breaks a rule: {problems:?}")]
    Sample {
        /// Which one.
        sample: &'static str,
        /// Every problem.
        problems: Vec<FieldProblem>,
    },
    /// A verb came to something else than it has to.
    #[error("the sample {sample:?} could not be brought to its state: {verb} came to {outcome}")]
    Unexpected {
        /// Which one.
        sample: &'static str,
        /// What was tried.
        verb: &'static str,
        /// What it came to.
        outcome: String,
    },
}
