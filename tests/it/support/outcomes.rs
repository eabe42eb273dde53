//! Outcomes of the engine, taken apart.

use muster::domain::{DealId, JoinOutcome, Joined, LeaveOutcome, Progress, Refusal, SignupId};

use super::app::Node;
use super::people::Person;

/// The signup of a join that was accepted.
#[track_caller]
pub fn joined(outcome: JoinOutcome) -> Joined {
    match outcome {
        JoinOutcome::Joined(joined) => joined,
        other => panic!("not joined: {other:?}"),
    }
}

/// Why a join was refused.
#[track_caller]
pub fn refused(outcome: JoinOutcome) -> Refusal {
    match outcome {
        JoinOutcome::Refused(why) => why,
        other => panic!("not refused: {other:?}"),
    }
}

impl Node {
    /// Leaves a deal without HTTP.
    pub async fn leave(&self, person: &Person, signup: SignupId) -> LeaveOutcome {
        self.engine.leave(person.id, signup).await
    }

    /// What Postgres says of a deal.
    pub async fn progress(&self, deal: DealId) -> Progress {
        self.store.progress_of(&[deal]).await.unwrap()[0]
    }

    /// A deal's buyers and units.
    pub async fn counts(&self, deal: DealId) -> (u32, u32) {
        let progress = self.progress(deal).await;
        (progress.buyers, progress.units)
    }
}
