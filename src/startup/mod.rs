//! The only place where everything is put together, and taken apart in the right order.
//!
//! Starting: Postgres must answer and be migrated; Redis may be away, then Muster begins degraded. Ending: no new
//! connection, everybody who is waiting is answered, sockets are sent elsewhere in slices, the lanes run empty, then the
//! workers end.

mod files;
mod http;
mod live;
mod settings;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::app::App;
use crate::auth::Auth;
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::Engine;
use crate::limits::Limits;
use crate::live::Hub;
use crate::quota::Quota;
use crate::shutdown::Shutdown;
use crate::store::Store;
use crate::worker::{self, mail::Mailer};

/// How a node is started.
pub struct Start {
    /// What was set.
    pub config: Config,
    /// What ends it.
    pub shutdown: Shutdown,
    /// Whether workers run by themselves. Tests tick them by hand.
    pub workers: bool,
    /// What `/metrics` shows, if this process counts.
    pub metrics: Option<PrometheusHandle>,
}

/// A node that serves.
pub struct Running {
    /// Its parts.
    pub app: App,
    /// Delivers the outbox; tests call it by hand.
    pub mailer: Arc<Mailer>,
    /// Where buyers and merchants reach it.
    pub address: SocketAddr,
    /// Where `/metrics` and `/audit` are, if anywhere.
    pub internal_address: Option<SocketAddr>,
    ended: tokio::task::JoinHandle<anyhow::Result<()>>,
}

impl Running {
    /// Waits until the node has ended after a shutdown.
    ///
    /// # Errors
    /// The HTTP server failed.
    pub async fn ended(self) -> anyhow::Result<()> {
        self.ended.await.context("the node's task ended early")?
    }
}

/// Connects to Postgres alone: for the commands that need nothing else.
///
/// # Errors
/// The URL cannot be read.
pub fn store(config: &Config) -> anyhow::Result<Store> {
    Ok(Store::new(&settings::store(config))?)
}

/// Connects to Redis alone.
///
/// # Errors
/// The URL cannot be read, or Redis may evict keys.
pub async fn quota(config: &Config) -> anyhow::Result<Quota> {
    Ok(Quota::connect(settings::quota(config)).await?)
}

/// An engine without a server: for `muster reconcile`, `audit` and their like.
///
/// # Errors
/// A URL cannot be read, or Redis may evict keys.
pub async fn engine(config: &Config) -> anyhow::Result<(Engine, Store, Quota)> {
    let (store, quota) = (store(config)?, quota(config).await?);
    let codes = settings::codes(config);
    let engine = Engine::start(store.clone(), quota.clone(), &Clock::new(), codes, &settings::lanes(config));
    Ok((engine, store, quota))
}

/// Starts a node. It serves when this returns.
///
/// # Errors
/// Postgres does not answer, the schema cannot be migrated, Redis may evict keys, or an address is taken.
pub async fn start(start: Start) -> anyhow::Result<Running> {
    let Start { config, shutdown, workers, metrics } = start;
    files::raise_limit();
    let clock = Clock::new();
    let store = store(&config)?;
    store.migrate().await.context("Postgres could not be migrated")?;
    store.check_epoch().await?;
    clock.correct(store.ping().await?);
    let quota = quota(&config).await?;
    let engine =
        Engine::start(store.clone(), quota.clone(), &clock, settings::codes(&config), &settings::lanes(&config));
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
    // A Redis that is there admits from the first join on; one that is not is caught up when it comes.
    if let Err(error) = engine.catch_up_now().await {
        tracing::warn!(%error, "Redis could not be caught up yet");
    }
    let relay = live::run(hub.clone(), quota.clone(), store.clone());
    let worker = workers.then(|| worker::start(&engine, &store, Arc::clone(&mailer), &app.config.workers, &shutdown));
    let bound = http::bind(&app, &shutdown, metrics)?;
    let (address, internal_address) = (bound.address, bound.internal_address);
    let (drain, auth) = (app.config.server.drain, app.auth.clone());
    let ended = tokio::spawn(async move {
        let served = bound.run(&hub, &shutdown, drain).await;
        shutdown.begin();
        // A batch that Postgres does not answer is in doubt; those who wait for it will ask again with their keys.
        if tokio::time::timeout(drain, engine.drain()).await.is_err() {
            tracing::warn!("ending with joins that are not recorded yet");
        }
        if let Some(worker) = worker {
            worker.await.ok();
        }
        relay.abort();
        auth.note_now().await;
        store.close().await;
        served
    });
    Ok(Running { app, mailer, address, internal_address, ended })
}
