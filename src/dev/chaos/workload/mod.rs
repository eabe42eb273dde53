//! Who joins while faults happen: an open load, so that a fault slows nobody's coming down, only their being answered.
//!
//! Every join, leave and live frame is written down before and after, for the audit. A client repeats a request with its key,
//! at another node, until the answer is final; who was answered 201 may ask again later. What a client may never see
//! (another number for the same key, a coupon that counts twice) is found here; the rest by the audit.

mod call;
mod cashier;
mod deals;
mod raw;
mod service;
mod visit;
mod watcher;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::client_log::{ClientLog, Version};
use crate::clock::Clock;
use crate::dev::people::Simulated;
use crate::domain::{DealId, SignupId};
use crate::engine::Engine;
use crate::store::Store;

use self::cashier::Redeemed;
use self::deals::OnSale;
pub(super) use self::service::{Counts, Service};
use self::watcher::Seen;

/// Between two who come, on average.
const COMING_EVERY: Duration = Duration::from_millis(12);
/// More than that many are never under way: the load is there to find mistakes, not to break this machine.
const MOST_UNDER_WAY: usize = 500;
const WATCHERS: usize = 6;
const CASHIERS: usize = 2;
/// Longer than any client repeats its request.
const LAST_ONES: Duration = Duration::from_secs(40);
/// So late are counts at most after a crash.
const COUNTS_LATE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(50);

/// What all clients of one round share.
pub(super) struct Round {
    pub(super) service: Arc<Service>,
    nodes: Vec<SocketAddr>,
    http: reqwest::Client,
    log: ClientLog,
    deals: Vec<OnSale>,
    buyers: Vec<Simulated>,
    /// Signups that somebody may leave.
    active: Mutex<Vec<(DealId, Simulated, SignupId)>>,
    redeemed: Mutex<Vec<Redeemed>>,
    seen: Seen,
    resets: AtomicBool,
    /// No new ones come.
    is_over: AtomicBool,
}

/// A round's load, while it runs.
pub(super) struct Load {
    round: Arc<Round>,
    arrivals: JoinHandle<()>,
    cashiers: JoinSet<()>,
    watchers: JoinSet<()>,
}

impl Load {
    /// Makes deals and buyers, and lets them come.
    pub(super) async fn begin(
        engine: &Engine,
        store: &Store,
        nodes: Vec<SocketAddr>,
        service: &Arc<Service>,
        log: &Path,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let (deals, buyers) = deals::prepare(engine, store).await?;
        let round = Arc::new(Round {
            service: Arc::clone(service),
            nodes,
            http: call::client()?,
            log: ClientLog::create(log, Clock::new())?,
            deals,
            buyers,
            active: Mutex::default(),
            redeemed: Mutex::default(),
            seen: Seen::default(),
            resets: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        });
        let mut chance = StdRng::seed_from_u64(seed);
        let mut watchers = JoinSet::new();
        for _ in 0..WATCHERS {
            watchers.spawn(watcher::run(Arc::clone(&round), StdRng::seed_from_u64(chance.random())));
        }
        let mut cashiers = JoinSet::new();
        for _ in 0..CASHIERS {
            cashiers.spawn(cashier::run(Arc::clone(&round), StdRng::seed_from_u64(chance.random())));
        }
        let arrivals = tokio::spawn(arrive(Arc::clone(&round), chance));
        Ok(Self { round, arrivals, cashiers, watchers })
    }

    /// The deal that most people join: it has no cap, so that it can always be joined.
    pub(super) fn busiest_deal(&self) -> DealId {
        self.round.deals.first().map_or_else(DealId::generate, |deal| deal.id)
    }

    /// From now on clients reset their connections in the middle of joins, or do not any more.
    pub(super) fn reset_in_the_middle(&self, whether: bool) {
        self.round.resets.store(whether, Ordering::Relaxed);
    }

    /// Something that must not be.
    pub(super) fn find(&self, what: String) {
        self.round.service.find(what);
    }

    /// A node was to die at a step, and did not come there.
    pub(super) fn note_unreached(&self, step: &str) {
        self.round.service.note(&format!("not reached: {step}"));
    }

    /// Lets nobody come any more, waits until everybody knows how it ended for them, and until whoever watches has seen it.
    /// Answers the coupons that were redeemed.
    pub(super) async fn end(mut self, store: &Store) -> anyhow::Result<Vec<uuid::Uuid>> {
        self.round.is_over.store(true, Ordering::Relaxed);
        let waited = tokio::time::timeout(LAST_ONES, async {
            (&mut self.arrivals).await.ok();
            while self.cashiers.join_next().await.is_some() {}
        });
        if waited.await.is_err() {
            self.round.service.find("a client still waits for its answer".to_owned());
            self.arrivals.abort();
        }
        let ids: Vec<DealId> = self.round.deals.iter().map(|deal| deal.id).collect();
        let truth = store.progress_of(&ids).await?;
        let versions: BTreeMap<DealId, Version> =
            truth.iter().map(|p| (p.deal, Version { epoch: p.epoch, rev: p.rev })).collect();
        let since = Instant::now();
        while !self.round.seen.have_all(&versions) && since.elapsed() < COUNTS_LATE {
            tokio::time::sleep(POLL).await;
        }
        if !self.round.seen.have_all(&versions) {
            self.round.service.find(format!("not every watcher saw the last figures within {COUNTS_LATE:?}"));
        }
        for (deal, version) in versions {
            self.round.log.ends(deal, version)?;
        }
        self.watchers.shutdown().await;
        let redeemed = lock(&self.round.redeemed);
        Ok(redeemed.iter().map(|redeemed| redeemed.coupon).collect())
    }
}

/// Lets visitors come until the round is over, and waits for the last of them.
async fn arrive(round: Arc<Round>, mut chance: StdRng) {
    let mut visits = JoinSet::new();
    while !round.is_over.load(Ordering::Relaxed) {
        let wait = COMING_EVERY.mul_f64(chance.random_range(0.0..2.0));
        tokio::time::sleep(wait).await;
        while visits.try_join_next().is_some() {}
        if visits.len() < MOST_UNDER_WAY {
            visits.spawn(visit::run(Arc::clone(&round), StdRng::seed_from_u64(chance.random())));
        }
    }
    while visits.join_next().await.is_some() {}
}

impl Round {
    fn any_node(&self, chance: &mut StdRng) -> usize {
        chance.random_range(0..self.nodes.len())
    }

    fn url(&self, node: usize, path: &str) -> String {
        let address = self.nodes.get(node).map(SocketAddr::to_string).unwrap_or_default();
        format!("http://{address}/api/v1{path}")
    }

    fn note_active(&self, deal: DealId, buyer: &Simulated, signup: SignupId) {
        lock(&self.active).push((deal, buyer.clone(), signup));
    }

    fn deal_of(&self, deal: DealId) -> Option<&OnSale> {
        self.deals.iter().find(|on_sale| on_sale.id == deal)
    }
}

fn lock<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}
