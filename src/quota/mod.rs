//! Redis: admission, the live bus and shared rate limits. The only module that builds key names and calls scripts.
//!
//! Owns the keys of each deal and the scripts in `lua/` that read and write them. All keys of a deal have its hash tag,
//! so they are on one node of a cluster. Must never decide whether somebody joined: Postgres does. Redis may be wiped,
//! stale or unavailable at any time, and every promise still holds.
//!
//! Invariants:
//!
//! - Figures and terms are absolute, and the newest `(epoch, rev)` wins. So `lua/apply.lua` may run twice, late, or in
//!   any order.
//! - A missing key means that the deal is not loaded. It never means zero.
//! - Every hold expires.
//! - While Redis is unavailable, every call over the link fails immediately with [`Unavailable`], and joins continue
//!   without admission.

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
pub use pool::InspectError;

/// How to reach and use Redis.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `redis://…` or `redis+unix://…`.
    pub url: SecretString,
    /// Prefix of every key.
    pub prefix: String,
    /// The TTL of a hold.
    pub hold_ttl: Duration,
    /// The connect timeout.
    pub connect_timeout: Duration,
    /// The reply timeout, after which the connection counts as lost.
    pub response_timeout: Duration,
    /// How long Redis keeps a deal after the end of its window.
    pub keep_after_closing: Duration,
    /// Whether to accept a `maxmemory-policy` that may evict keys.
    pub allow_eviction: bool,
}

/// Redis is unavailable or answers with errors. The call that lost the connection has logged the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Redis is unavailable")]
pub struct Unavailable;

/// The counters and the bus in Redis. Cheap to clone.
#[derive(Clone)]
pub struct Quota {
    keys: Arc<Keys>,
    links: link::Links,
    pool: deadpool_redis::Pool,
    settings: Arc<Settings>,
    /// Whether to admit everybody, for negative controls: tests that must fail without admission.
    #[cfg(feature = "negative-controls")]
    admits_everybody: Arc<std::sync::atomic::AtomicBool>,
}

impl Quota {
    /// Tries once to connect, and reconnects in the background. If the first attempt fails, Muster starts degraded.
    ///
    /// # Errors
    /// A URL or a pool setting is invalid, or Redis may evict keys and the settings do not allow it.
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

    /// The TTL of a hold that is not renewed.
    #[must_use]
    pub fn hold_ttl(&self) -> Duration {
        self.settings.hold_ttl
    }

    /// Whether this node can admit joins now.
    #[must_use]
    pub fn is_online(&self) -> bool {
        self.links.online().is_some()
    }

    /// The state of the connection. Redis must catch up over each new connection before [`Quota::admit_over`].
    #[must_use]
    pub fn link_events(&self) -> tokio::sync::watch::Receiver<LinkEvent> {
        self.links.events()
    }

    /// Admits joins over this connection from now on. Redis must have every change that was committed during the
    /// outage.
    pub fn admit_over(&self, link: &Link) {
        self.links.set_online(link);
    }

    /// Admits everybody from now on, without a call to Redis.
    #[cfg(feature = "negative-controls")]
    pub fn admit_everybody(&self) {
        self.admits_everybody.store(true, std::sync::atomic::Ordering::SeqCst);
    }

    /// The names of the keys, for the audit.
    pub(crate) fn keys(&self) -> &Arc<Keys> {
        &self.keys
    }

    /// The connection for calls other than admission. Redis may still be catching up over it.
    fn any_link(&self) -> Result<Link, Unavailable> {
        self.links.any().ok_or(Unavailable)
    }

    /// Takes the connection out of use after a failed call.
    fn lost(&self, link: &Link, what: &'static str, error: &redis::RedisError) -> Unavailable {
        self.links.lost(link, what, error);
        Unavailable
    }
}
