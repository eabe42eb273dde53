//! Unwraps outcomes of the engine, and reads a deal's figures.

use muster::domain::{DealId, JoinOutcome, Joined, LeaveOutcome, Progress, Refusal, SignupId};

use super::app::Node;
use super::people::Person;

/// Unwraps an accepted join.
#[track_caller]
pub fn joined(outcome: JoinOutcome) -> Joined {
    match outcome {
        JoinOutcome::Joined(joined) => joined,
        other => panic!("not joined: {other:?}"),
    }
}

/// Unwraps a refused join.
#[track_caller]
pub fn refused(outcome: JoinOutcome) -> Refusal {
    match outcome {
        JoinOutcome::Refused(why) => why,
        other => panic!("not refused: {other:?}"),
    }
}

impl Node {
    /// Leaves a deal through the engine, without HTTP.
    pub async fn engine_leave(&self, person: &Person, signup: SignupId) -> LeaveOutcome {
        self.engine.leave(person.id, signup).await
    }

    /// The figures of a deal in Postgres.
    pub async fn progress(&self, deal: DealId) -> Progress {
        self.store.progress_of(&[deal]).await.unwrap()[0]
    }

    /// A deal's buyers and units in Postgres.
    pub async fn counts(&self, deal: DealId) -> (u32, u32) {
        let progress = self.progress(deal).await;
        (progress.buyers, progress.units)
    }
}
