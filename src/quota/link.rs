//! The connection to Redis: opened in the background, dropped at the first failed call, and opened again.
//!
//! One multiplexed connection carries every join, because a pool pings at each checkout. A connection belongs to one
//! run of one Redis server (its `run_id`). A restart or a failover changes the id, and deals that were loaded under the
//! old id are loaded again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, InfoDict, RedisError};
use secrecy::ExposeSecret;
use tokio::sync::watch;

use super::Settings;

/// Why Muster refuses to start with this Redis.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is invalid.
    #[error("cannot parse REDIS_URL: {0}")]
    Url(RedisError),
    /// The pool's settings are invalid.
    #[error("cannot create the Redis connection pool: {0}")]
    Pool(#[from] deadpool_redis::BuildError),
    /// Redis may evict keys when memory runs out. Loading them again would add work at the busiest moment.
    #[error(
        "Redis may evict keys: its maxmemory-policy is {0}. Set it to noeviction, or allow it with redis.allow_eviction = true"
    )]
    Evicts(String),
}

/// A connection to one run of one Redis server.
#[derive(Clone)]
pub struct Link {
    number: u64,
    pub(super) run_id: Arc<str>,
    pub(super) connection: MultiplexedConnection,
}

/// The state of the connection.
#[derive(Clone)]
pub enum LinkEvent {
    /// Not connected.
    Disconnected,
    /// Connected. Redis may still miss changes that were committed during the outage.
    CatchingUp(Link),
    /// Connected. Joins are admitted over this link.
    Online(Link),
}

#[derive(Clone)]
pub(super) struct Links {
    state: watch::Sender<LinkEvent>,
}

const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

impl Links {
    /// Tries once to connect. A background task then reconnects for the lifetime of the runtime.
    pub(super) async fn start(settings: &Settings, probe: String) -> Result<Self, ConnectError> {
        let client = Client::open(settings.url.expose_secret()).map_err(ConnectError::Url)?;
        let links = Self { state: watch::Sender::new(LinkEvent::Disconnected) };
        let connector = Connector {
            client,
            probe,
            connect_timeout: settings.connect_timeout,
            response_timeout: settings.response_timeout,
            allow_eviction: settings.allow_eviction,
        };
        match connector.connect().await {
            Ok(link) => drop(links.state.send_replace(LinkEvent::CatchingUp(link))),
            Err(Failure::Evicts(policy)) => return Err(ConnectError::Evicts(policy)),
            Err(Failure::Redis(error)) => tracing::warn!(%error, "Redis is unavailable: starting without admission"),
        }
        tokio::spawn(keep_connected(connector, links.state.clone()));
        Ok(links)
    }

    pub(super) fn online(&self) -> Option<Link> {
        match &*self.state.borrow() {
            LinkEvent::Online(link) => Some(link.clone()),
            _ => None,
        }
    }

    pub(super) fn any(&self) -> Option<Link> {
        match &*self.state.borrow() {
            LinkEvent::Online(link) | LinkEvent::CatchingUp(link) => Some(link.clone()),
            LinkEvent::Disconnected => None,
        }
    }

    pub(super) fn events(&self) -> watch::Receiver<LinkEvent> {
        self.state.subscribe()
    }

    pub(super) fn set_online(&self, link: &Link) {
        self.state.send_if_modified(|state| match state {
            LinkEvent::CatchingUp(current) if current.number == link.number => {
                *state = LinkEvent::Online(link.clone());
                true
            }
            _ => false,
        });
    }

    /// Takes the link out of use after any failed call. A server that refuses writes (out of memory, a replica, busy in
    /// a script) cannot admit. A server that does not reply in time would delay every join. A new connection is probed
    /// before use.
    pub(super) fn lost(&self, link: &Link, what: &'static str, error: &RedisError) {
        let changed = self.state.send_if_modified(|state| match state {
            LinkEvent::CatchingUp(current) | LinkEvent::Online(current) if current.number == link.number => {
                *state = LinkEvent::Disconnected;
                true
            }
            _ => false,
        });
        if changed {
            metrics::counter!("muster_redis_lost_total", "call" => what).increment(1);
            tracing::warn!(%error, what, "Redis is unavailable: joins continue without admission");
        }
    }
}

enum Failure {
    Evicts(String),
    Redis(RedisError),
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        Self::Redis(error)
    }
}

struct Connector {
    client: Client,
    probe: String,
    connect_timeout: Duration,
    response_timeout: Duration,
    allow_eviction: bool,
}

static NUMBERS: AtomicU64 = AtomicU64::new(1);

impl Connector {
    async fn connect(&self) -> Result<Link, Failure> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(self.connect_timeout))
            .set_response_timeout(Some(self.response_timeout));
        let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let info: InfoDict = redis::cmd("INFO").query_async(&mut connection).await?;
        let policy: String = info.get("maxmemory_policy").unwrap_or_default();
        if policy != "noeviction" && !self.allow_eviction {
            return Err(Failure::Evicts(policy));
        }
        // A replica, or a server that is out of memory, answers reads but refuses writes.
        let () = redis::cmd("SET").arg(&self.probe).arg(1).arg("PX").arg(1000).query_async(&mut connection).await?;
        let run_id: String = info.get("run_id").unwrap_or_default();
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Ok(Link { number, run_id: run_id.into(), connection })
    }
}

async fn keep_connected(connector: Connector, state: watch::Sender<LinkEvent>) {
    let mut events = state.subscribe();
    while events.wait_for(|event| matches!(event, LinkEvent::Disconnected)).await.is_ok() {
        let mut wait = FIRST_WAIT;
        loop {
            match connector.connect().await {
                Ok(link) => {
                    tracing::info!(run_id = %link.run_id, "connected to Redis");
                    state.send_replace(LinkEvent::CatchingUp(link));
                    break;
                }
                Err(Failure::Evicts(policy)) => {
                    tracing::error!(
                        policy,
                        "Redis may evict keys: admission stays off; set maxmemory-policy to noeviction"
                    );
                    wait = LONGEST_WAIT;
                }
                Err(Failure::Redis(error)) => tracing::debug!(%error, "Redis is still unavailable"),
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}
