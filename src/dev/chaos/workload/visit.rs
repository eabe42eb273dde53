//! One who comes: joins, joins twice at once, asks again later, or leaves.

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

/// Of a hundred who come, so many leave, click twice, and ask again later.
const LEAVE: u32 = 12;
const CLICK_TWICE: u32 = 10;
const ASK_AGAIN: u32 = 10;

pub(super) async fn run(round: Arc<Round>, mut chance: StdRng) {
    let done = if chance.random_range(0..100) < LEAVE {
        leave(&round, &mut chance).await
    } else {
        join(&round, &mut chance).await
    };
    if let Err(error) = done {
        round.service.find(format!("a client's log cannot be written: {error}"));
    }
}

async fn leave(round: &Round, chance: &mut StdRng) -> std::io::Result<()> {
    let Some((deal, buyer, signup)) = ({
        let mut active = lock(&round.active);
        let at = chance.random_range(0..active.len().max(1));
        if active.is_empty() { None } else { Some(active.swap_remove(at)) }
    }) else {
        return Ok(());
    };
    round.leave(&buyer, deal, signup, chance).await.map(drop)
}

async fn join(round: &Round, chance: &mut StdRng) -> std::io::Result<()> {
    let (Some(buyer), Some(deal)) = (round.buyers.choose(chance), round.any_deal(chance)) else { return Ok(()) };
    let units = chance.random_range(1..=deal.units_max);
    let Ok(key) = IdempotencyKey::parse(&uuid::Uuid::from_u128(chance.random()).to_string()) else { return Ok(()) };
    round.service.attempt();
    if round.resets.load(Ordering::Relaxed) {
        raw::join_and_reset(round, buyer, deal.id, units, &key, chance).await?;
    }
    let mut told = Told { round, deal: deal.id, buyer, key: key.as_str(), joined: None, recorded: 0 };
    if chance.random_range(0..100) < CLICK_TWICE {
        let mut other_chance = StdRng::seed_from_u64(chance.random());
        let twice = tokio::join!(
            round.join(buyer, deal.id, units, &key, chance),
            round.join(buyer, deal.id, units, &key, &mut other_chance)
        );
        told.hear(twice.0?, false);
        told.hear(twice.1?, false);
    } else {
        told.hear(round.join(buyer, deal.id, units, &key, chance).await?, false);
    }
    if told.joined.is_some() && chance.random_range(0..100) < ASK_AGAIN {
        tokio::time::sleep(Duration::from_millis(chance.random_range(0..3_000))).await;
        told.hear(round.join(buyer, deal.id, units, &key, chance).await?, true);
    }
    Ok(())
}

/// What one key was told so far.
struct Told<'a> {
    round: &'a Round,
    deal: DealId,
    buyer: &'a Simulated,
    key: &'a str,
    joined: Option<Answer>,
    /// How often it was told that it joined, and not that it had joined before.
    recorded: u32,
}

impl Told<'_> {
    /// Looks whether an answer fits to those before it; `later` if it was asked for after them.
    fn hear(&mut self, end: End, later: bool) {
        let End::Answered(answer, node) = end else { return };
        let (service, key) = (&self.round.service, self.key);
        if answer.status != 201 {
            if later && self.joined.is_some() {
                let code = answer.code.as_deref().unwrap_or_default();
                service.find(format!("key {key} was answered 201, and later {} {code} by node {node}", answer.status));
            }
            return;
        }
        service.acknowledge(node, self.joined.is_none());
        self.recorded += u32::from(!answer.replayed);
        if self.recorded > 1 && !answer.replayed {
            service.doubled(format!("key {key} was recorded twice in deal {}", self.deal));
        }
        let told = |a: &Answer| (a.id, a.units, a.number);
        match &self.joined {
            Some(first) if told(first) != told(&answer) => {
                let (first, other) = (told(first), told(&answer));
                service.doubled(format!("key {key} was told {first:?}, and {other:?} by node {node}"));
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
