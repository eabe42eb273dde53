//! One visit: a client joins, sends a join twice concurrently, repeats a join later, or leaves.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};

use super::call::{Answer, End};
use super::{Round, lock, raw};
use crate::dev::people::Simulated;
use crate::domain::{DealId, IdempotencyKey};

/// Percentages of visits that leave, send a join twice concurrently, and repeat a join after its 201.
const LEAVE: u32 = 12;
const CLICK_TWICE: u32 = 10;
const REPEAT_LATER: u32 = 10;

pub(super) async fn run(round: Arc<Round>, mut rng: StdRng) {
    let done =
        if rng.random_range(0..100) < LEAVE { leave(&round, &mut rng).await } else { join(&round, &mut rng).await };
    if let Err(error) = done {
        round.observations.find(format!("cannot write the client log: {error}"));
    }
}

async fn leave(round: &Round, rng: &mut StdRng) -> std::io::Result<()> {
    let Some((deal, buyer, signup)) = ({
        let mut active = lock(&round.active);
        let at = rng.random_range(0..active.len().max(1));
        if active.is_empty() { None } else { Some(active.swap_remove(at)) }
    }) else {
        return Ok(());
    };
    round.leave(&buyer, deal, signup, rng).await.map(drop)
}

async fn join(round: &Round, rng: &mut StdRng) -> std::io::Result<()> {
    let (Some(buyer), Some(deal)) = (round.buyers.choose(rng), round.any_deal(rng)) else { return Ok(()) };
    let units = rng.random_range(1..=deal.units_max);
    let Ok(key) = IdempotencyKey::parse(&uuid::Uuid::from_u128(rng.random()).to_string()) else { return Ok(()) };
    round.observations.attempt();
    if round.resets.load(Ordering::Relaxed) {
        raw::join_and_reset(round, buyer, deal.id, units, &key, rng).await?;
    }
    let mut history = KeyHistory { round, deal: deal.id, buyer, key: key.as_str(), joined: None, recorded: 0 };
    if rng.random_range(0..100) < CLICK_TWICE {
        let mut other_chance = StdRng::seed_from_u64(rng.random());
        let twice = tokio::join!(
            round.join(buyer, deal.id, units, &key, rng),
            round.join(buyer, deal.id, units, &key, &mut other_chance)
        );
        history.record(twice.0?, false);
        history.record(twice.1?, false);
    } else {
        history.record(round.join(buyer, deal.id, units, &key, rng).await?, false);
    }
    if history.joined.is_some() && rng.random_range(0..100) < REPEAT_LATER {
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..3_000))).await;
        history.record(round.join(buyer, deal.id, units, &key, rng).await?, true);
    }
    Ok(())
}

/// The answers to one idempotency key so far.
struct KeyHistory<'a> {
    round: &'a Round,
    deal: DealId,
    buyer: &'a Simulated,
    key: &'a str,
    joined: Option<Answer>,
    /// Number of 201 answers without `Idempotency-Replayed`.
    recorded: u32,
}

impl KeyHistory<'_> {
    /// Checks an answer against the earlier ones. `later` is whether the request was sent after them.
    fn record(&mut self, end: End, later: bool) {
        let End::Answered(answer, node) = end else { return };
        let (observations, key) = (&self.round.observations, self.key);
        if answer.status != 201 {
            if later && self.joined.is_some() {
                let code = answer.code.as_deref().unwrap_or_default();
                observations.find(format!("key {key} got a 201, and later {} {code} from node {node}", answer.status));
            }
            return;
        }
        observations.acknowledge(node, self.joined.is_none());
        self.recorded += u32::from(!answer.replayed);
        if self.recorded > 1 && !answer.replayed {
            observations.doubled(format!("key {key} joined deal {} twice", self.deal));
        }
        let parts = |a: &Answer| (a.id, a.units, a.number);
        match &self.joined {
            Some(first) if parts(first) != parts(&answer) => {
                let (first, other) = (parts(first), parts(&answer));
                observations.doubled(format!("key {key} got {first:?}, and {other:?} from node {node}"));
            }
            Some(_) => {}
            None => {
                if let Some(id) = answer.id {
                    self.round.note_active(self.deal, self.buyer, id);
                }
                self.joined = Some(answer);
            }
        }
    }
}
