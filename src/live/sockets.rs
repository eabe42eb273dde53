//! Every open socket of this node: who may open one, whether it still lives, how it is told to go.
//!
//! Owns the counts per address and per node. Liveness is judged here and not in the task that serves a socket, because
//! that task stands still when its reader does. A socket is first asked to leave; if its connection is still there after
//! a grace time, the connection is cut underneath it.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use metrics::{counter, gauge};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::bucket::TokenBucket;
use super::connection::Connection;
use super::line::{Farewell, Line, Wish};
use super::refusal::Refusal;
use crate::config::LiveConfig;

/// A drain closes at least so many at a time: a few sockets need no slices.
const SLICE_MIN: usize = 20;
/// In one `ping_every`, the sockets are looked over so many times.
const ROUNDS_PER_PING: u32 = 25;

/// The sockets of this node. Clones share them.
#[derive(Clone)]
pub struct Sockets {
    config: Arc<LiveConfig>,
    state: Arc<Mutex<State>>,
}

struct State {
    next_id: u64,
    open: HashMap<u64, Entry>,
    by_address: HashMap<IpAddr, Household>,
    upgrades: TokenBucket,
    /// Connections whose socket has ended, until they have sent what was left; in the order of their deadlines.
    departing: VecDeque<(Instant, Weak<Connection>)>,
    draining: bool,
}

/// What is known of one address: kept while it has a socket, and after that until it may open as many as any other.
struct Household {
    open: usize,
    opens: TokenBucket,
}

struct Entry {
    line: Arc<Line>,
    address: IpAddr,
    connection: Weak<Connection>,
    next_ping: Instant,
}

/// A socket's place among the open ones. Dropping it gives the place back.
pub struct Seat {
    id: u64,
    line: Arc<Line>,
    sockets: Sockets,
}

impl Sockets {
    pub(super) fn new(config: Arc<LiveConfig>) -> Self {
        let upgrades = TokenBucket::new(config.upgrades_per_second_max, config.upgrades_per_second_max, Instant::now());
        let state = State {
            next_id: 0,
            open: HashMap::new(),
            by_address: HashMap::new(),
            upgrades,
            departing: VecDeque::new(),
            draining: false,
        };
        Self { config, state: Arc::new(Mutex::new(state)) }
    }

    /// Takes a place for a socket of this address. Without a connection it can be asked to leave, but not be cut.
    ///
    /// # Errors
    ///
    /// [`Refusal::AddressFull`], [`Refusal::AddressTooFast`], [`Refusal::NodeBusy`] or [`Refusal::Draining`].
    pub fn open(&self, address: IpAddr, connection: Weak<Connection>) -> Result<Seat, Refusal> {
        let now = Instant::now();
        let address = household(address);
        let mut state = self.lock();
        state.admit(address, &self.config, now).inspect_err(|refusal| {
            counter!("muster_live_refused_total", "reason" => refusal.as_str()).increment(1);
        })?;

        let id = state.next_id;
        state.next_id += 1;
        let line = Arc::new(Line::new(now));
        let next_ping = now + first_ping(id, self.config.ping_every);
        state.open.insert(id, Entry { line: Arc::clone(&line), address, connection, next_ping });
        state.publish_count();
        drop(state);
        Ok(Seat { id, line, sockets: self.clone() })
    }

    /// How many addresses are remembered.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.lock().by_address.len()
    }

    /// How many are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().open.len()
    }

    /// Looks over all sockets again and again. Never returns.
    pub async fn watch_over(&self) {
        let mut rounds = interval((self.config.ping_every / ROUNDS_PER_PING).max(Duration::from_millis(1)));
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            rounds.tick().await;
            self.look_over(Instant::now());
        }
    }

    /// Looks over all sockets once: pings those whose time has come, sends the silent ones away, cuts those that do not go.
    pub fn look_over(&self, now: Instant) {
        let mut state = self.lock();
        for entry in state.open.values_mut() {
            entry.look_over(&self.config, now);
        }
        state.by_address.retain(|_, household| household.open > 0 || !household.opens.is_full(now));
        while let Some((_deadline, connection)) = state.departing.pop_front_if(|(deadline, _)| *deadline <= now) {
            cut(&connection);
        }
    }

    /// Refuses new sockets and sends the open ones away, a slice each second; returns when none is left.
    ///
    /// In slices, so that the browsers do not all come to the next node at once; larger ones than configured if it would
    /// take longer than `within`.
    pub async fn drain(&self, within: Duration) {
        let ids = {
            let mut state = self.lock();
            state.draining = true;
            state.open.keys().copied().collect::<Vec<_>>()
        };
        let slice_count = within.saturating_sub(self.config.farewell_grace).as_secs().max(1);
        let slice_count = usize::try_from(slice_count).unwrap_or(usize::MAX);
        let share = ids.len().saturating_mul(self.config.drain_percent_per_second) / 100;
        let slice = share.max(ids.len().div_ceil(slice_count)).max(SLICE_MIN);
        let mut slices = ids.chunks(slice).peekable();
        while let Some(slice) = slices.next() {
            self.ask_to_leave(slice);
            if slices.peek().is_some() {
                sleep(Duration::from_secs(1)).await;
            }
        }
        self.wait_until_empty().await;
    }

    async fn wait_until_empty(&self) {
        let deadline = Instant::now() + self.config.farewell_grace;
        while self.count() > 0 && Instant::now() < deadline {
            sleep(Duration::from_millis(20)).await;
        }
        for entry in self.lock().open.values() {
            cut(&entry.connection);
        }
    }

    fn ask_to_leave(&self, ids: &[u64]) {
        let state = self.lock();
        for entry in ids.iter().filter_map(|id| state.open.get(id)) {
            entry.line.ask(Wish::Leave(Farewell::Restart));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn admit(&mut self, address: IpAddr, config: &LiveConfig, now: Instant) -> Result<(), Refusal> {
        if self.draining {
            return Err(Refusal::Draining);
        }
        // Looked at before anything is taken: who is refused for itself takes nothing from the others.
        if let Some(household) = self.by_address.get_mut(&address) {
            if household.open >= config.sockets_per_address_max {
                return Err(Refusal::AddressFull);
            }
            if !household.opens.has(1, now) {
                return Err(Refusal::AddressTooFast);
            }
        }
        if self.open.len() >= config.sockets_per_node_max || !self.upgrades.take(1, now) {
            return Err(Refusal::NodeBusy);
        }
        let household = self.by_address.entry(address).or_insert_with(|| Household::new(config, now));
        household.open += 1;
        household.opens.take(1, now);
        Ok(())
    }

    fn close(&mut self, id: u64, cut_at: Instant) {
        let Some(entry) = self.open.remove(&id) else { return };
        if let Some(household) = self.by_address.get_mut(&entry.address) {
            household.open -= 1;
        }
        self.departing.push_back((cut_at, entry.connection));
        self.publish_count();
    }

    fn publish_count(&self) {
        gauge!("muster_live_sockets").set(u32::try_from(self.open.len()).unwrap_or(u32::MAX));
    }
}

impl Household {
    fn new(config: &LiveConfig, now: Instant) -> Self {
        let opens = TokenBucket::new(config.opens_per_address_burst, config.opens_per_address_per_second, now);
        Self { open: 0, opens }
    }
}

impl Entry {
    fn look_over(&mut self, config: &LiveConfig, now: Instant) {
        let silence = self.line.silence(now);
        if silence > config.pong_timeout + config.farewell_grace {
            cut(&self.connection);
        } else if silence > config.pong_timeout {
            self.line.ask(Wish::Leave(Farewell::Silent));
        } else if now >= self.next_ping {
            self.next_ping = now + config.ping_every;
            self.line.ask(Wish::Ping);
        }
    }
}

impl Seat {
    /// The line on which wishes for this socket come.
    #[must_use]
    pub fn line(&self) -> Arc<Line> {
        Arc::clone(&self.line)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let cut_at = Instant::now() + self.sockets.config.farewell_grace;
        self.sockets.lock().close(self.id, cut_at);
    }
}

fn cut(connection: &Weak<Connection>) {
    if let Some(connection) = connection.upgrade() {
        connection.cut();
    }
}

/// What counts as one address: an IPv4 address, or the /56 that a household gets in IPv6.
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 72))),
    }
}

/// When a socket is pinged first. The multiples of the golden ratio spread any run of sockets evenly over the period, so
/// that a herd which came at once is not pinged at once.
fn first_ping(id: u64, ping_every: Duration) -> Duration {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let share = id.wrapping_mul(GOLDEN) >> 32;
    let period_ms = u64::try_from(ping_every.as_millis()).unwrap_or(u64::from(u32::MAX));
    Duration::from_millis(period_ms.saturating_mul(share) >> 32)
}
