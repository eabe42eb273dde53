//! The registry of this node's open sockets: admits them, checks that they are alive, and closes them.
//!
//! Owns the counts per address and per node. Liveness is checked here and not in the socket's task, because that task
//! blocks when its reader stalls. A socket is first asked to close; if its connection is still open after a grace
//! period, the connection is shut down.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use metrics::{counter, gauge};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::close_reason::CloseReason;
use super::connection_handle::ConnectionHandle;
use super::control::{Command, SocketControl};
use super::refusal::Refusal;
use super::token_bucket::TokenBucket;
use crate::config::LiveConfig;

/// Minimum sockets that one slice of a drain closes.
const SLICE_MIN: usize = 20;
/// The pause between two slices of a drain.
const SLICE_INTERVAL: Duration = Duration::from_secs(1);
/// How often all sockets are checked within one `ping_every`.
const CHECKS_PER_PING: u32 = 25;

/// The open sockets of this node. Clones share them.
#[derive(Clone)]
pub struct Sockets {
    config: Arc<LiveConfig>,
    registry: Arc<Mutex<Registry>>,
}

struct Registry {
    next_id: u64,
    open: HashMap<u64, OpenSocket>,
    by_address: HashMap<IpAddr, AddressUsage>,
    upgrades: TokenBucket,
    /// Connections whose socket has ended but which may still be flushing, in the order of their deadlines.
    closing: VecDeque<(Instant, Weak<ConnectionHandle>)>,
    draining: bool,
}

/// How many sockets one address has open, and how fast it may open more. Dropped once it equals the usage of an address
/// that never connected.
struct AddressUsage {
    open: usize,
    new_sockets: TokenBucket,
}

struct OpenSocket {
    control: Arc<SocketControl>,
    address: IpAddr,
    connection: Weak<ConnectionHandle>,
    next_ping_at: Instant,
}

/// A registered socket. Dropping it removes the socket from the registry.
pub struct Registration {
    id: u64,
    control: Arc<SocketControl>,
    sockets: Sockets,
}

impl Sockets {
    pub(super) fn new(config: Arc<LiveConfig>) -> Self {
        let upgrades = TokenBucket::new(config.upgrades_per_second_max, config.upgrades_per_second_max, Instant::now());
        let registry = Registry {
            next_id: 0,
            open: HashMap::new(),
            by_address: HashMap::new(),
            upgrades,
            closing: VecDeque::new(),
            draining: false,
        };
        Self { config, registry: Arc::new(Mutex::new(registry)) }
    }

    /// Registers a socket of this address. Without a live `connection` the socket can be asked to close, but not shut
    /// down.
    ///
    /// # Errors
    ///
    /// [`Refusal::AddressFull`], [`Refusal::AddressTooFast`], [`Refusal::NodeBusy`] or [`Refusal::Draining`].
    pub fn register(&self, address: IpAddr, connection: Weak<ConnectionHandle>) -> Result<Registration, Refusal> {
        let now = Instant::now();
        let address = address_key(address);
        let mut registry = self.lock();
        registry.admit(address, &self.config, now).inspect_err(|refusal| {
            counter!("muster_live_refused_total", "reason" => refusal.as_str()).increment(1);
        })?;

        let id = registry.next_id;
        registry.next_id += 1;
        let control = Arc::new(SocketControl::new(now));
        let next_ping_at = now + first_ping(id, self.config.ping_every);
        registry.open.insert(id, OpenSocket { control: Arc::clone(&control), address, connection, next_ping_at });
        registry.publish_count();
        drop(registry);
        Ok(Registration { id, control, sockets: self.clone() })
    }

    /// How many addresses the registry tracks.
    #[must_use]
    pub fn tracked_addresses(&self) -> usize {
        self.lock().by_address.len()
    }

    /// How many sockets are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().open.len()
    }

    /// Checks all sockets periodically. Never returns.
    pub async fn supervise(&self) {
        let mut ticks = interval((self.config.ping_every / CHECKS_PER_PING).max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.check(Instant::now());
        }
    }

    /// Checks all sockets once: pings those that are due, closes those that have been silent for too long, and shuts
    /// down those that did not close.
    pub fn check(&self, now: Instant) {
        let mut registry = self.lock();
        for socket in registry.open.values_mut() {
            socket.check(&self.config, now);
        }
        registry.by_address.retain(|_, usage| usage.open > 0 || !usage.new_sockets.is_full(now));
        while let Some((_deadline, connection)) = registry.closing.pop_front_if(|(deadline, _)| *deadline <= now) {
            shut_down(&connection);
        }
    }

    /// Refuses new sockets and closes the open ones, one slice per second. Then waits for the closing handshakes, and
    /// shuts down the connections that are still open after the grace period.
    ///
    /// Slices keep the browsers from reconnecting to the next node at the same time. Slices grow if the configured size
    /// would take longer than `within`.
    pub async fn drain(&self, within: Duration) {
        self.drain_in_slices(within, || sleep(SLICE_INTERVAL)).await;
    }

    /// Like [`Sockets::drain`], but the caller provides the wait between two slices.
    pub async fn drain_in_slices<F: Future<Output = ()>>(&self, within: Duration, mut pause: impl FnMut() -> F) {
        let ids = {
            let mut registry = self.lock();
            registry.draining = true;
            registry.open.keys().copied().collect::<Vec<_>>()
        };
        let slice_count = within.saturating_sub(self.config.farewell_grace).as_secs().max(1);
        let slice_count = usize::try_from(slice_count).unwrap_or(usize::MAX);
        let share = ids.len().saturating_mul(self.config.drain_percent_per_second) / 100;
        let slice = share.max(ids.len().div_ceil(slice_count)).max(SLICE_MIN);
        let mut slices = ids.chunks(slice).peekable();
        while let Some(slice) = slices.next() {
            self.request_close(slice);
            if slices.peek().is_some() {
                pause().await;
            }
        }
        self.wait_until_empty().await;
    }

    async fn wait_until_empty(&self) {
        let deadline = Instant::now() + self.config.farewell_grace;
        while self.count() > 0 && Instant::now() < deadline {
            sleep(Duration::from_millis(20)).await;
        }
        for socket in self.lock().open.values() {
            shut_down(&socket.connection);
        }
    }

    fn request_close(&self, ids: &[u64]) {
        let registry = self.lock();
        for socket in ids.iter().filter_map(|id| registry.open.get(id)) {
            socket.control.send(Command::Close(CloseReason::Restart));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry {
    fn admit(&mut self, address: IpAddr, config: &LiveConfig, now: Instant) -> Result<(), Refusal> {
        if self.draining {
            return Err(Refusal::Draining);
        }
        // The limits of the address come first: an address that exceeds them must not use up the node's limits.
        if let Some(usage) = self.by_address.get_mut(&address) {
            if usage.open >= config.sockets_per_address_max {
                return Err(Refusal::AddressFull);
            }
            if !usage.new_sockets.has(1, now) {
                return Err(Refusal::AddressTooFast);
            }
        }
        if self.open.len() >= config.sockets_per_node_max || !self.upgrades.take(1, now) {
            return Err(Refusal::NodeBusy);
        }
        let usage = self.by_address.entry(address).or_insert_with(|| AddressUsage::new(config, now));
        usage.open += 1;
        usage.new_sockets.take(1, now);
        Ok(())
    }

    fn remove(&mut self, id: u64, shut_down_at: Instant) {
        let Some(socket) = self.open.remove(&id) else { return };
        if let Some(usage) = self.by_address.get_mut(&socket.address) {
            usage.open -= 1;
        }
        self.closing.push_back((shut_down_at, socket.connection));
        self.publish_count();
    }

    fn publish_count(&self) {
        gauge!("muster_live_sockets").set(u32::try_from(self.open.len()).unwrap_or(u32::MAX));
    }
}

impl AddressUsage {
    fn new(config: &LiveConfig, now: Instant) -> Self {
        let new_sockets = TokenBucket::new(config.opens_per_address_burst, config.opens_per_address_per_second, now);
        Self { open: 0, new_sockets }
    }
}

impl OpenSocket {
    fn check(&mut self, config: &LiveConfig, now: Instant) {
        let idle = self.control.idle_for(now);
        if idle > config.pong_timeout + config.farewell_grace {
            shut_down(&self.connection);
        } else if idle > config.pong_timeout {
            self.control.send(Command::Close(CloseReason::Silent));
        } else if now >= self.next_ping_at {
            self.next_ping_at = now + config.ping_every;
            self.control.send(Command::Ping);
        }
    }
}

impl Registration {
    /// The socket's control block.
    #[must_use]
    pub fn control(&self) -> Arc<SocketControl> {
        Arc::clone(&self.control)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let shut_down_at = Instant::now() + self.sockets.config.farewell_grace;
        self.sockets.lock().remove(self.id, shut_down_at);
    }
}

fn shut_down(connection: &Weak<ConnectionHandle>) {
    if let Some(connection) = connection.upgrade() {
        connection.shut_down();
    }
}

/// What counts as one address: an IPv4 address, or the /56 network that providers assign to one IPv6 customer.
fn address_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 72))),
    }
}

/// The delay before a socket's first ping. Multiples of the golden ratio spread consecutive ids evenly over the period,
/// so sockets that opened together are not pinged together.
fn first_ping(id: u64, ping_every: Duration) -> Duration {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let share = id.wrapping_mul(GOLDEN) >> 32;
    let period_ms = u64::try_from(ping_every.as_millis()).unwrap_or(u64::from(u32::MAX));
    Duration::from_millis(period_ms.saturating_mul(share) >> 32)
}
