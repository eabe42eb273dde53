//! What faults happen to: private servers, some nodes, and a link between any two of them.
//!
//! Owns every process and ends them all; they end by themselves when this process is killed. The engine in here goes around
//! all links: it prepares deals and looks at the truth.

mod node;
mod pause;
mod postgres;
mod redis;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use tokio::time::Instant;

use crate::config::{Config, Profile, Sources};
use crate::dev::servers::{Options, Place, Servers};
use crate::engine::Engine;
use crate::startup;
use crate::store::Store;

pub(super) use node::Node;
pub(super) use pause::Pause;

const DATABASE: &str = "muster";
const COUPON_KEY: &str = "1:5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e";
/// Short, so that what a dead node held is free before the audit.
const HOLD_TTL_MS: &str = "4000";
/// How long Postgres may take to be there again: it waits for what the one before it left.
const RESTART_PATIENCE: Duration = Duration::from_secs(30);
const RESTART_PAUSE: Duration = Duration::from_millis(100);

/// Everything that runs.
pub(super) struct Cluster {
    // Before the servers, so that they are gone first.
    pub(super) nodes: Vec<Node>,
    pub(super) engine: Engine,
    pub(super) store: Store,
    pub(super) servers: Servers,
    folder: PathBuf,
}

impl Cluster {
    /// Starts servers, links and nodes; logs and data are in the folder.
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
            node.start().await.with_context(|| format!("node {number} does not start"))?;
            started.push(node);
        }
        Ok(Self { nodes: started, engine, store, servers, folder: folder.to_owned() })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// `kill -9` of Postgres; it is not started again.
    pub(super) async fn kill_postgres(&mut self) {
        if let Some(postgres) = self.servers.postgres() {
            postgres.kill().await;
        }
    }

    /// Starts Postgres again, as soon as it can be.
    pub(super) async fn start_postgres(&mut self) -> anyhow::Result<()> {
        let since = Instant::now();
        loop {
            let postgres = self.servers.postgres().context("there is no Postgres")?;
            match postgres.start().await {
                Ok(()) => return Ok(()),
                // Its predecessor's children still have the shared memory.
                Err(_) if since.elapsed() < RESTART_PATIENCE => tokio::time::sleep(RESTART_PAUSE).await,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Starts nodes that ended although nobody asked them to; says which.
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

    /// Ends everything: nodes as by SIGTERM, then the servers.
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
