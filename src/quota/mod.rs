//! Redis: admission, the live bus and shared rate limits. The only module that builds key names and calls scripts.
//!
//! Owns the keys of each deal (all with the deal's hash tag, so that they live on one node of a cluster) and the scripts in
//! `lua/` that read and write them. Must never decide whether somebody joined: Postgres does. Redis may be wiped, stale or absent at
//! any time, and every promise still holds.
//!
//! Invariants:
//!
//! - Figures and terms are absolute and the newest `(epoch, rev)` wins, so scripts may run twice, late, or in any order.
//! - A missing key means "load it", never zero.
//! - Every hold ends by itself.
//! - While Redis is unavailable, every call answers [`Away`] at once: the caller goes on without admission.

mod admit;
mod apply;
pub mod bus;
mod inspect;
mod keys;
mod limit;
mod link;
mod load;
mod pending;
mod pool;
mod scripts;

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

pub use admit::{Admission, Answer};
pub use apply::{Applied, BuyerUnits, Change};
pub use inspect::{DealInRedis, HoldsInRedis};
pub use keys::Keys;
pub(crate) use keys::WHOLE;
pub use limit::{Draw, Taken};
pub use link::{Link, LinkEvent};
pub use load::{Begun, Load, Snapshot};
pub use pool::CannotLook;

/// How to reach and use Redis.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `redis://…` or `redis+unix://…`.
    pub url: SecretString,
    /// Prefix of every key.
    pub prefix: String,
    /// Time to live of a hold.
    pub hold_ttl: Duration,
    /// The longest that connecting may take.
    pub connect_timeout: Duration,
    /// The longest that a reply may take. Then the connection counts as lost.
    pub response_timeout: Duration,
    /// How long a deal stays in Redis after its window.
    pub keep_after_closing: Duration,
    /// Accept a `maxmemory-policy` that may drop keys.
    pub allow_eviction: bool,
}

/// Redis is unavailable or answers with errors: go on without it. The failing call has logged the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Redis is away")]
pub struct Away;

/// The counters and the bus in Redis. Cheap to clone.
#[derive(Clone)]
pub struct Quota {
    keys: Arc<Keys>,
    links: link::Links,
    pool: deadpool_redis::Pool,
    settings: Arc<Settings>,
    /// Admits everybody, for negative controls: tests that must fail without admission.
    #[cfg(feature = "negative-controls")]
    admits_everybody: Arc<std::sync::atomic::AtomicBool>,
}

impl Quota {
    /// Connects in the background and keeps connected. Returns without waiting for later attempts: if Redis is
    /// unavailable, Muster starts degraded.
    ///
    /// # Errors
    /// The URL cannot be read, or Redis answers and may evict keys although that was not allowed.
    pub async fn connect(settings: Settings) -> Result<Self, link::ConnectError> {
        let keys = Arc::new(Keys::new(&settings.prefix));
        let pool = pool::new(&settings)?;
        let links = link::Links::start(&settings, keys.probe()).await?;
        Ok(Self {
            keys,
            links,
            pool,
            settings: Arc::new(settings),
            #[cfg(feature = "negative-controls")]
            admits_everybody: Arc::default(),
        })
    }

    /// Time to live of a hold that nobody renews.
    #[must_use]
    pub fn hold_ttl(&self) -> Duration {
        self.settings.hold_ttl
    }

    /// Whether joins can be admitted here now.
    #[must_use]
    pub fn is_online(&self) -> bool {
        self.links.online().is_some()
    }

    /// Each new connection, to be caught up with Postgres before it admits: see [`Quota::admit_over`].
    #[must_use]
    pub fn link_events(&self) -> tokio::sync::watch::Receiver<LinkEvent> {
        self.links.events()
    }

    /// Admits joins over this connection from now on. Redis must know every change committed during the outage.
    pub fn admit_over(&self, link: &Link) {
        self.links.set_online(link);
    }

    /// Admits everybody from now on, whatever Redis says.
    #[cfg(feature = "negative-controls")]
    pub fn admit_everybody(&self) {
        self.admits_everybody.store(true, std::sync::atomic::Ordering::SeqCst);
    }

    /// The names of the keys, for the audit.
    pub(crate) fn keys(&self) -> &Arc<Keys> {
        &self.keys
    }

    /// The connection for everything but admission. It may be catching up.
    fn any_link(&self) -> Result<Link, Away> {
        self.links.any().ok_or(Away)
    }

    /// Takes the connection out of use after a failed call.
    fn lost(&self, link: &Link, what: &'static str, error: &redis::RedisError) -> Away {
        self.links.lost(link, what, error);
        Away
    }
}
