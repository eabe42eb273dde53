//! The workload of a round. It follows an open model: faults delay answers, but not the arrival of new clients.
//!
//! Every join, leave and live frame is logged for the audit. Clients retry a request with its key, on random nodes,
//! until the answer is final, and some repeat it after a 201. The clients detect answers that contradict each other,
//! such as two numbers for one key or a coupon redeemed twice. The audit detects everything else.

mod call;
mod cashier;
mod deals;
mod observations;
mod raw;
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

use crate::clock::Clock;
use crate::dev::people::Simulated;
use crate::domain::{DealId, SignupId};
use crate::engine::Engine;
use crate::engine::client_log::{ClientLog, Version};
use crate::store::Store;

use self::cashier::Redeemed;
use self::deals::OnSale;
pub(super) use self::observations::{Counts, Observations};
use self::watcher::Shown;

/// Average time between two visits.
const VISIT_EVERY: Duration = Duration::from_millis(12);
/// Maximum concurrent visits, so that the workload does not exhaust the machine.
const VISITS_MAX: usize = 500;
const WATCHERS: usize = 6;
const CASHIERS: usize = 2;
/// Longer than the time for which a client retries a request.
const LAST_ANSWERS_TIMEOUT: Duration = Duration::from_secs(40);
/// Live counts are right within this time, even after a crash.
const COUNTS_TIMEOUT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(50);

/// The state that all clients of a round share.
pub(super) struct Round {
    pub(super) observations: Arc<Observations>,
    nodes: Vec<SocketAddr>,
    http: reqwest::Client,
    log: ClientLog,
    deals: Vec<OnSale>,
    buyers: Vec<Simulated>,
    /// Signups that can be left.
    active: Mutex<Vec<(DealId, Simulated, SignupId)>>,
    redeemed: Mutex<Vec<Redeemed>>,
    seen: Shown,
    resets: AtomicBool,
    /// Whether the workload has ended: no new visits start.
    is_over: AtomicBool,
}

/// The running workload of a round.
pub(super) struct Workload {
    round: Arc<Round>,
    arrivals: JoinHandle<()>,
    cashiers: JoinSet<()>,
    watchers: JoinSet<()>,
}

impl Workload {
    /// Creates deals and buyers, and starts the clients.
    pub(super) async fn begin(
        engine: &Engine,
        store: &Store,
        nodes: Vec<SocketAddr>,
        observations: &Arc<Observations>,
        log: &Path,
        seed: u64,
    ) -> anyhow::Result<Self> {
        let (deals, buyers) = deals::prepare(engine, store).await?;
        let round = Arc::new(Round {
            observations: Arc::clone(observations),
            nodes,
            http: call::client()?,
            log: ClientLog::create(log, Clock::new())?,
            deals,
            buyers,
            active: Mutex::default(),
            redeemed: Mutex::default(),
            seen: Shown::default(),
            resets: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
        });
        let mut rng = StdRng::seed_from_u64(seed);
        let mut watchers = JoinSet::new();
        for _ in 0..WATCHERS {
            watchers.spawn(watcher::run(Arc::clone(&round), StdRng::seed_from_u64(rng.random())));
        }
        let mut cashiers = JoinSet::new();
        for _ in 0..CASHIERS {
            cashiers.spawn(cashier::run(Arc::clone(&round), StdRng::seed_from_u64(rng.random())));
        }
        let arrivals = tokio::spawn(arrive(Arc::clone(&round), rng));
        Ok(Self { round, arrivals, cashiers, watchers })
    }

    /// The deal with the most joins. It has no cap, so it can always be joined.
    pub(super) fn busiest_deal(&self) -> DealId {
        self.round.deals.first().map_or_else(DealId::generate, |deal| deal.id)
    }

    /// Sets whether clients reset their connections during joins.
    pub(super) fn reset_during_joins(&self, enabled: bool) {
        self.round.resets.store(enabled, Ordering::Relaxed);
    }

    /// Records a finding.
    pub(super) fn find(&self, what: String) {
        self.round.observations.find(what);
    }

    /// Notes that a node did not reach the failpoint at which it should have died.
    pub(super) fn note_step_not_reached(&self, step: &str) {
        self.round.observations.note(&format!("not reached: {step}"));
    }

    /// Stops new visits, then waits for the last answers and until every watcher has seen the final counts. Returns the
    /// coupons whose redemption was acknowledged.
    pub(super) async fn end(mut self, store: &Store) -> anyhow::Result<Vec<uuid::Uuid>> {
        self.round.is_over.store(true, Ordering::Relaxed);
        let waited = tokio::time::timeout(LAST_ANSWERS_TIMEOUT, async {
            (&mut self.arrivals).await.ok();
            while self.cashiers.join_next().await.is_some() {}
        });
        if waited.await.is_err() {
            self.round.observations.find("a client is still waiting for its answer".to_owned());
            self.arrivals.abort();
        }
        let ids: Vec<DealId> = self.round.deals.iter().map(|deal| deal.id).collect();
        let truth = store.progress_of(&ids).await?;
        let versions: BTreeMap<DealId, Version> =
            truth.iter().map(|p| (p.deal, Version { epoch: p.epoch, rev: p.rev })).collect();
        let since = Instant::now();
        while !self.round.seen.have_all(&versions) && since.elapsed() < COUNTS_TIMEOUT {
            tokio::time::sleep(POLL).await;
        }
        if !self.round.seen.have_all(&versions) {
            self.round.observations.find(format!("not every watcher saw the final counts within {COUNTS_TIMEOUT:?}"));
        }
        for (deal, version) in versions {
            self.round.log.ends(deal, version)?;
        }
        self.watchers.shutdown().await;
        let redeemed = lock(&self.round.redeemed);
        Ok(redeemed.iter().map(|redeemed| redeemed.coupon).collect())
    }
}

/// Starts visits until the workload ends, then waits for the last of them.
async fn arrive(round: Arc<Round>, mut rng: StdRng) {
    let mut visits = JoinSet::new();
    while !round.is_over.load(Ordering::Relaxed) {
        let wait = VISIT_EVERY.mul_f64(rng.random_range(0.0..2.0));
        tokio::time::sleep(wait).await;
        while visits.try_join_next().is_some() {}
        if visits.len() < VISITS_MAX {
            visits.spawn(visit::run(Arc::clone(&round), StdRng::seed_from_u64(rng.random())));
        }
    }
    while visits.join_next().await.is_some() {}
}

impl Round {
    fn any_node(&self, rng: &mut StdRng) -> usize {
        rng.random_range(0..self.nodes.len())
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
