//! A simulated crowd: buyers who join a deal over HTTP as a recorded or invented campaign went, and some who leave again.
//!
//! It knows only the public API, keeps its protocol (a key per join, retries with the same key when told to), and notes every
//! call before and after it in a log, so that a lost answer can be told from a lost join.

pub mod arrivals;
mod client;
pub mod plan;
mod tally;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, SetOnce};
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use self::client::{Client, CrowdError, Shown};
use self::client::{JoinAnswer, LeaveAnswer};
use self::plan::{Act, Plan};
pub use self::tally::Tally;
use super::people::Simulated;
use crate::client_log::ClientLog;
use crate::domain::{DealId, IdempotencyKey, SignupId};

/// How a crowd behaves.
#[derive(Clone)]
pub struct Behaviour {
    /// The deal that it joins.
    pub deal: DealId,
    /// How many times faster than recorded it goes.
    pub speed: u32,
    /// The most units that a buyer takes; who takes how many is decided by the plan's order.
    pub units_max: u32,
    /// The most requests under way at a time.
    pub at_once_max: usize,
    /// How long a buyer tries again before giving up.
    pub patience: Duration,
    /// Where calls are noted.
    pub log: Option<ClientLog>,
}

/// Plays a plan with these people, and tells after each act how it stands.
///
/// # Errors
/// The log cannot be written, or the deal cannot be looked at. Whatever joins are answered is counted and no error.
pub async fn play(
    client: &Client,
    behaviour: &Behaviour,
    plan: &Plan,
    people: Vec<Simulated>,
    watch: impl Fn(&Tally),
) -> Result<Tally, CrowdError> {
    if let Some(log) = &behaviour.log {
        log.begins(behaviour.deal, client.deal(behaviour.deal).await?.version()).map_err(CrowdError::Log)?;
    }
    let stage = Arc::new(Stage {
        client: client.clone(),
        behaviour: behaviour.clone(),
        slots: Semaphore::new(behaviour.at_once_max.max(1)),
        signups: people.iter().map(|_| SetOnce::new()).collect(),
        people,
        // Everybody joins once, so one key is enough: it only has to differ between the joins of one buyer.
        key: IdempotencyKey::parse("crowd")?,
    });
    let mut tally = Tally::default();
    let mut acting = JoinSet::new();
    let begin = Instant::now();
    for event in &plan.events {
        let due = begin + event.at / behaviour.speed.max(1);
        // What is over is counted while waiting for what is next, so that the bar moves and the set stays small.
        loop {
            tokio::select! {
                biased;
                Some(done) = acting.join_next() => tally.add(done.map_err(CrowdError::Task)?),
                () = tokio::time::sleep_until(due), if acting.len() < behaviour.at_once_max.saturating_mul(4) => break,
            }
            watch(&tally);
        }
        acting.spawn(Arc::clone(&stage).act(event.act));
    }
    while let Some(done) = acting.join_next().await {
        tally.add(done.map_err(CrowdError::Task)?);
        watch(&tally);
    }
    if let Some(log) = &behaviour.log {
        log.ends(behaviour.deal, client.deal(behaviour.deal).await?.version()).map_err(CrowdError::Log)?;
    }
    Ok(tally)
}

/// What all acts share.
struct Stage {
    client: Client,
    behaviour: Behaviour,
    slots: Semaphore,
    people: Vec<Simulated>,
    /// What became of each buyer's join; `None`: there is nothing to leave.
    signups: Vec<SetOnce<Option<SignupId>>>,
    key: IdempotencyKey,
}

/// What came of one act.
enum Done {
    Joined(JoinAnswer),
    Left(LeaveAnswer),
    /// Somebody would have left, but never joined.
    NothingToLeave,
}

impl Stage {
    async fn act(self: Arc<Self>, act: Act) -> Done {
        match act {
            Act::Join(buyer) => self.join(buyer).await,
            Act::Leave(buyer) => self.leave(buyer).await,
        }
    }

    async fn join(&self, number: usize) -> Done {
        let Some((person, signup)) = self.people.get(number).zip(self.signups.get(number)) else {
            return Done::NothingToLeave;
        };
        let _slot = self.slots.acquire().await;
        let answer = self.client.join(&self.behaviour, person, self.units_of(number), &self.key).await;
        let id = if let JoinAnswer::Joined(joined) = &answer { Some(joined.id) } else { None };
        // Each buyer joins once in a plan, so nobody has set it before.
        signup.set(id).ok();
        Done::Joined(answer)
    }

    async fn leave(&self, number: usize) -> Done {
        let Some((person, signup)) = self.people.get(number).zip(self.signups.get(number)) else {
            return Done::NothingToLeave;
        };
        let Some(signup) = *signup.wait().await else { return Done::NothingToLeave };
        let _slot = self.slots.acquire().await;
        Done::Left(self.client.leave(&self.behaviour, person, signup).await)
    }

    /// Most take one, some take more: 1 1 1 2, 1 1 1 3, and so on up to the most.
    fn units_of(&self, number: usize) -> u32 {
        let most = self.behaviour.units_max.max(1);
        if number % 4 == 3 { u32::try_from(number / 4).unwrap_or_default() % most + 1 } else { 1 }
    }
}
