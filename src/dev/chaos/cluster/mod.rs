//! The cluster under test: private servers, some nodes, and a link between any two of them.
//!
//! Owns every process. The processes end with this process, even if it is killed. The cluster's engine bypasses the
//! links: it prepares deals and reads the true state.

mod node;
mod pause;
mod postgres;
mod redis;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use tokio::time::Instant;

use crate::app::startup;
use crate::config::{Config, Profile, Sources};
use crate::dev::servers::{Options, Place, Servers};
use crate::engine::Engine;
use crate::store::Store;

pub(super) use node::Node;
pub(super) use pause::Pause;

const DATABASE: &str = "muster";
const COUPON_KEY: &str = "1:5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e";
/// Short, so that the holds of a killed node expire before the audit.
const HOLD_TTL_MS: &str = "4000";
/// How long Postgres may take to restart. It waits for the backends of its predecessor.
const RESTART_TIMEOUT: Duration = Duration::from_secs(30);
const RESTART_PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Cluster {
    // Fields drop in order: the nodes must end before the servers.
    pub(super) nodes: Vec<Node>,
    pub(super) engine: Engine,
    pub(super) store: Store,
    pub(super) servers: Servers,
    folder: PathBuf,
}

impl Cluster {
    /// Starts servers, links and nodes, with logs and data in this folder.
    pub(super) async fn start(folder: &Path, program: &Path, nodes: usize) -> anyhow::Result<Self> {
        let place = Place::Folder(folder.join("servers"));
        let servers = Servers::start(Options { place, ..Options::temporary() }).await?;
        servers.ensure_database(DATABASE).await?;
        let sources = Sources { profile: Some(Profile::Load), ..Sources::default() }
            .with("postgres.database_url", servers.database_url(DATABASE))
            .with("postgres.pool_max", "6")
            .with("redis.url", servers.redis_url())
            .with("redis.hold_ttl_ms", HOLD_TTL_MS)
            .with("lanes.count", "1")
            .with("security.coupon_keys", COUPON_KEY);
        let (engine, store, _quota) = startup::engine(&Config::load(&sources)?).await?;
        store.migrate().await?;
        let mut started = Vec::new();
        for number in 0..nodes {
            let mut node = Node::new(number, folder, program, &servers).await?;
            node.start().await.with_context(|| format!("cannot start node {number}"))?;
            started.push(node);
        }
        Ok(Self { nodes: started, engine, store, servers, folder: folder.to_owned() })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Kills Postgres with SIGKILL.
    pub(super) async fn kill_postgres(&mut self) {
        if let Some(postgres) = self.servers.postgres() {
            postgres.kill().await;
        }
    }

    /// Restarts Postgres as soon as possible.
    pub(super) async fn start_postgres(&mut self) -> anyhow::Result<()> {
        let since = Instant::now();
        loop {
            let postgres = self.servers.postgres().context("there is no Postgres")?;
            match postgres.start().await {
                Ok(()) => return Ok(()),
                // Backends of the predecessor may still use the shared memory.
                Err(_) if since.elapsed() < RESTART_TIMEOUT => tokio::time::sleep(RESTART_PAUSE).await,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Restarts nodes that ended unexpectedly and returns their numbers.
    pub(super) async fn revive(&mut self) -> anyhow::Result<Vec<usize>> {
        let mut ended = Vec::new();
        for (number, node) in self.nodes.iter_mut().enumerate() {
            if !node.is_running() {
                ended.push(number);
                node.start().await?;
            }
        }
        Ok(ended)
    }

    /// Stops the nodes with SIGTERM, then the servers.
    pub(super) async fn stop(self) {
        let Self { mut nodes, servers, engine, store, .. } = self;
        for node in &mut nodes {
            node.stop().await;
        }
        drop(engine);
        store.close().await;
        servers.stop().await;
    }
}
