//! What is on sale in a round: deals of every kind that a fault could hurt.

use chrono::TimeDelta;
use rand::RngExt;
use rand::rngs::StdRng;

use super::Round;
use crate::dev::load::{self, LoadSpec};
use crate::dev::people::Simulated;
use crate::domain::DealId;
use crate::engine::Engine;
use crate::store::Store;

const BUYERS: usize = 240;
const UNLIMITED: u32 = 1_000;

/// A deal, and who sells it.
pub(super) struct OnSale {
    pub(super) id: DealId,
    pub(super) merchant: Simulated,
    /// The most units that one wants at a time.
    pub(super) units_max: u32,
    /// So many of all those who come want this one.
    weight: u32,
}

/// Cap, tipping point, units per buyer, seconds it is open, weight.
type Kind = (Option<u32>, u32, u32, i64, u32);

const KINDS: [Kind; 8] = [
    // Tips soon, and goes on selling: the busiest. The first one, as others rely on.
    (None, 60, UNLIMITED, 3600, 6),
    // Tips half-way through the round.
    (None, 190, UNLIMITED, 3600, 4),
    // Never tips: one can leave to the end.
    (None, 5_000, UNLIMITED, 3600, 5),
    // Sells out.
    (Some(300), 60, 3, 3600, 4),
    // A few places for many.
    (Some(12), 2, 2, 3600, 2),
    // Its places are left and taken again; it cannot tip.
    (Some(240), 239, 2, 3600, 3),
    // Closes after it tipped, and before it did.
    (Some(1_000), 30, 4, 16, 2),
    (None, 5_000, 4, 21, 2),
];

/// Makes all of them, with merchants, and the buyers.
pub(super) async fn prepare(engine: &Engine, store: &Store) -> anyhow::Result<(Vec<OnSale>, Vec<Simulated>)> {
    let mut deals = Vec::new();
    let mut buyers = Vec::new();
    for (number, (cap, tipping_point, per_buyer_max, open_s, weight)) in KINDS.into_iter().enumerate() {
        let spec = LoadSpec {
            buyers: if number == 0 { BUYERS } else { 0 },
            deals: 1,
            cap,
            tipping_point,
            per_buyer_max,
            open_for: TimeDelta::seconds(open_s),
        };
        let prepared = load::prepare(engine, store, spec, |_| {}).await?;
        let merchant = Simulated::from(prepared.merchant);
        let units_max = per_buyer_max.min(3);
        deals.extend(prepared.deals.into_iter().map(|id| OnSale { id, merchant: merchant.clone(), units_max, weight }));
        buyers.extend(prepared.buyers.into_iter().map(Simulated::from));
    }
    Ok((deals, buyers))
}

impl Round {
    /// A deal, by weight.
    pub(super) fn any_deal(&self, chance: &mut StdRng) -> Option<&OnSale> {
        let all: u32 = self.deals.iter().map(|deal| deal.weight).sum();
        let mut at = chance.random_range(0..all.max(1));
        self.deals.iter().find(|deal| {
            let here = at < deal.weight;
            at = at.saturating_sub(deal.weight);
            here
        })
    }
}
