//! The deals of a round, one of every kind that a fault might affect.

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

/// A deal and its merchant.
pub(super) struct OnSale {
    pub(super) id: DealId,
    pub(super) merchant: Simulated,
    /// Maximum units per join.
    pub(super) units_max: u32,
    /// Share of the joins, relative to the sum of all weights.
    weight: u32,
}

/// Cap, tipping point, maximum units per buyer, seconds until it closes, weight.
type Kind = (Option<u32>, u32, u32, i64, u32);

const KINDS: [Kind; 8] = [
    // The busiest deal: tips soon and keeps selling. `Workload::busiest_deal` relies on its being the first.
    (None, 60, UNLIMITED, 3600, 6),
    // Tips half-way through the round.
    (None, 190, UNLIMITED, 3600, 4),
    // Never tips, so buyers can leave until the end.
    (None, 5_000, UNLIMITED, 3600, 5),
    // Sells out.
    (Some(300), 60, 3, 3600, 4),
    // Has few units for many buyers.
    (Some(12), 2, 2, 3600, 2),
    // Has a cap but is not expected to tip, so buyers join and leave repeatedly.
    (Some(240), 239, 2, 3600, 3),
    // Two deals close during the round: one after it has tipped, one before.
    (Some(1_000), 30, 4, 16, 2),
    (None, 5_000, 4, 21, 2),
];

/// Creates the deals, their merchants and the buyers.
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
    /// A random deal, by weight.
    pub(super) fn any_deal(&self, rng: &mut StdRng) -> Option<&OnSale> {
        let all: u32 = self.deals.iter().map(|deal| deal.weight).sum();
        let mut at = rng.random_range(0..all.max(1));
        self.deals.iter().find(|deal| {
            let is_chosen = at < deal.weight;
            at = at.saturating_sub(deal.weight);
            is_chosen
        })
    }
}
