//! Assembles a node from its parts, and stops them in the right order.
//!
//! Startup needs Postgres with an up-to-date schema. Redis may be unavailable; Muster then starts degraded.
//!
//! Shutdown stops accepting connections, answers the requests under way, closes the sockets in slices, drains the
//! lanes, and waits for the workers, which stop as soon as the shutdown begins.

mod files;
mod http;
mod live;
mod settings;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::App;
use crate::app::shutdown::Shutdown;
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::{Engine, LaneSettings};
use crate::limits::Limits;
use crate::live::Hub;
use crate::notices::Mailer;
use crate::people::Auth;
use crate::quota::Quota;
use crate::store::Store;
use crate::worker;

/// The arguments of [`start`].
pub struct Start {
    pub config: Config,
    /// The signal that stops the node.
    pub shutdown: Shutdown,
    /// Whether to run the workers. Tests call their functions directly instead.
    pub workers: bool,
    /// The source of `/metrics`, if this process records metrics.
    pub metrics: Option<PrometheusHandle>,
}

/// A running node.
pub struct Running {
    /// The parts of the node.
    pub app: App,
    /// Sends the messages of the outbox. Tests call it directly.
    pub mailer: Arc<Mailer>,
    /// The address of the public server.
    pub address: SocketAddr,
    /// The address of the internal server with `/metrics` and `/audit`, if one is configured.
    pub internal_address: Option<SocketAddr>,
    ended: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl Running {
    /// Waits until the node has stopped.
    ///
    /// # Errors
    /// The HTTP server failed.
    pub async fn ended(self) -> anyhow::Result<()> {
        self.ended.await.context("the node's task ended early")?
    }
}

/// Creates the Postgres connection pool, for commands that need nothing else.
///
/// # Errors
/// The URL is not valid.
pub fn store(config: &Config) -> anyhow::Result<Store> {
    Ok(Store::new(&settings::store(config))?)
}

/// Creates the Redis client, which connects in the background and reconnects automatically.
///
/// # Errors
/// The URL is not valid, or Redis answers and is configured to evict keys.
pub async fn quota(config: &Config) -> anyhow::Result<Quota> {
    Ok(Quota::connect(settings::quota(config)).await?)
}

/// The settings of the lanes, from the configuration.
#[must_use]
pub fn lane_settings(config: &Config) -> LaneSettings {
    settings::lanes(config)
}

/// Starts an engine without a server, for `muster reconcile`, `audit` and similar commands.
///
/// # Errors
/// A URL is not valid, or Redis answers and is configured to evict keys.
pub async fn engine(config: &Config) -> anyhow::Result<(Engine, Store, Quota)> {
    let (store, quota) = (store(config)?, quota(config).await?);
    let codes = settings::codes(config);
    let engine = Engine::start(store.clone(), quota.clone(), &Clock::new(), codes, &settings::lanes(config));
    Ok((engine, store, quota))
}

/// Starts a node. It accepts requests when this returns.
///
/// # Errors
/// Postgres does not answer, the database is out of date and cannot be migrated, Redis may evict keys, or an address is
/// taken.
pub async fn start(start: Start) -> anyhow::Result<Running> {
    let Start { config, shutdown, workers, metrics } = start;
    files::raise_limit();
    let clock = Clock::new();
    let store = store(&config)?;
    store.ensure_migrated().await.context("the database is not ready")?;
    store.check_epoch().await?;
    clock.correct(store.ping().await?);
    let quota = quota(&config).await?;
    let codes = settings::codes(&config);
    if codes.derives_lookups() {
        tracing::warn!(
            "security.coupon_lookup_keys is empty: new coupons are found by a key that is derived from the lowest of \
             security.coupon_keys. Keep that key until these coupons have expired. Add a lookup key: \
             config/security.toml explains how"
        );
    }
    let engine = Engine::start(store.clone(), quota.clone(), &clock, codes, &settings::lanes(&config));
    let hub = Hub::new(config.live.clone(), config.server.base_url.clone(), clock.clone());
    let mailer = Arc::new(Mailer::new(&config.mail, config.server.base_url.as_str())?);
    let app = App {
        engine: engine.clone(),
        store: store.clone(),
        live: hub.clone(),
        auth: Auth::new(store.clone(), clock.clone(), &config.security)?,
        limits: Limits::new(config.limits.clone(), clock.clone(), quota.clone()),
        clock,
        config: Arc::new(config),
    };
    // With Redis up to date, joins are admitted from the first one on. If Redis is unavailable, the reconciler tries
    // again.
    if let Err(error) = engine.catch_up_now().await {
        tracing::warn!(%error, "cannot bring Redis up to date; joins go to Postgres until the reconciler succeeds");
    }
    let relay = live::run(hub.clone(), quota.clone(), store.clone());
    let worker = workers.then(|| worker::start(&engine, &store, Arc::clone(&mailer), &app.config.workers, &shutdown));
    let bound = http::bind(&app, &shutdown, metrics)?;
    let (address, internal_address) = (bound.address, bound.internal_address);
    let (drain, auth) = (app.config.server.drain, app.auth.clone());
    let ended = tokio::spawn(async move {
        let served = bound.run(&hub, &shutdown, drain).await;
        shutdown.begin();
        // A batch that Postgres does not answer is in doubt. Its clients retry with their idempotency keys.
        if tokio::time::timeout(drain, engine.drain()).await.is_err() {
            tracing::warn!("exiting while joins are still being recorded");
        }
        if let Some(worker) = worker {
            worker.await.ok();
        }
        relay.abort();
        auth.flush_uses().await;
        store.close().await;
        served
    });
    Ok(Running { app, mailer, address, internal_address, ended })
}
