//! A system under test: one or more nodes on free ports, started the way `muster serve` starts them.

use std::net::SocketAddr;
use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use metrics_exporter_prometheus::PrometheusHandle;
use muster::App;
use muster::app::shutdown::Shutdown;
use muster::app::startup::{self, Running, Start};
use muster::config::{Config, Profile, Sources};
use muster::dev::servers::Servers;
use muster::engine::Catching;
use muster::notices::{Mailer, deliver_due};
use muster::telemetry;
use tokio::runtime::Runtime;

use super::clock::TestClock;
use super::proxy::FaultProxy;
use super::servers::Backend;

/// Nodes do not run in the test's own runtime, because they still close connections after it was dropped.
static NODES: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap());

static METRICS: LazyLock<PrometheusHandle> = LazyLock::new(|| telemetry::record_metrics().unwrap());

/// More coupons or mails than are due in any test.
const CHUNK: u32 = 10_000;

/// Builds a system with settings for tests.
pub fn app() -> Builder {
    Builder {
        nodes: 1,
        workers: false,
        private: false,
        with_proxies: false,
        metrics: false,
        settings: Vec::new(),
        backend: None,
    }
}

#[expect(clippy::struct_excessive_bools, reason = "each is set by its own method")]
pub struct Builder {
    nodes: usize,
    workers: bool,
    private: bool,
    with_proxies: bool,
    metrics: bool,
    settings: Vec<(String, String)>,
    backend: Option<Backend>,
}

impl Builder {
    /// Uses this backend instead of a new one.
    pub fn at(mut self, backend: Backend) -> Self {
        self.backend = Some(backend);
        self
    }

    /// Sets one key of the configuration: `("lanes.batch_max", "4")`.
    pub fn with(mut self, path: &str, value: impl Into<String>) -> Self {
        self.settings.push((path.to_owned(), value.into()));
        self
    }

    /// Starts this many nodes on the same servers.
    pub fn nodes(mut self, nodes: usize) -> Self {
        self.nodes = nodes;
        self
    }

    /// Runs the background workers. Without this, a test calls their functions itself.
    pub fn with_workers(mut self) -> Self {
        self.workers = true;
        self
    }

    /// Starts servers for this test alone, which it may kill and pause: see [`TestApp::servers`].
    pub fn with_private_servers(mut self) -> Self {
        self.private = true;
        self
    }

    /// Puts proxies between each node and its servers, which can delay and cut connections: see [`TestApp::proxies`].
    pub fn with_proxies(mut self) -> Self {
        self.with_proxies = true;
        self
    }

    /// Exports metrics at `/metrics`. The whole process shares the counters, so tests only check which series exist.
    pub fn with_metrics(mut self) -> Self {
        self.metrics = true;
        self
    }

    pub async fn start(mut self) -> TestApp {
        // Only the first call in the process succeeds.
        rustls::crypto::ring::default_provider().install_default().ok();
        let (backend, servers) = if let Some(backend) = self.backend.take() {
            (backend, None)
        } else if self.private {
            let (backend, servers) = Backend::private().await;
            (backend, Some(servers))
        } else {
            (Backend::shared().await, None)
        };
        let mails = tempfile::tempdir().unwrap();
        let (mut nodes, mut proxies) = (Vec::new(), Vec::new());
        for _ in 0..self.nodes {
            let mut sources = self.sources(&backend, mails.path());
            if self.with_proxies {
                let to =
                    NodeProxies { redis: FaultProxy::to_redis(&backend), postgres: FaultProxy::to_postgres(&backend) };
                sources = sources.with("redis.url", &to.redis.url).with("postgres.database_url", &to.postgres.url);
                proxies.push(to);
            }
            let config = Config::load(&sources).unwrap();
            nodes.push(Node::start(config, self.workers, self.metrics.then(|| METRICS.clone())).await);
        }
        let clock = TestClock {
            database_url: backend.database_url.clone(),
            nodes: nodes.iter().map(|n| n.app.clone()).collect(),
        };
        let sources = self.sources(&backend, mails.path());
        TestApp { nodes, clock, proxies, mails, servers, backend, sources }
    }

    fn sources(&self, backend: &Backend, mails: &Path) -> Sources {
        let sources = Sources { profile: Some(Profile::Dev), ..Sources::default() }
            .with("postgres.database_url", &backend.database_url)
            .with("postgres.pool_max", "6")
            .with("redis.url", &backend.redis_url)
            .with("redis.prefix", &backend.name)
            .with("lanes.count", "2")
            // A machine that is busy with tests is slow. Tests of timeouts set their own.
            .with("lanes.queue_wait_max_ms", "30000")
            .with("lanes.reply_after_ms", "60000")
            .with("redis.connect_timeout_ms", "10000")
            .with("redis.response_timeout_ms", "10000")
            .with("postgres.acquire_timeout_ms", "30000")
            .with("server.bind", "127.0.0.1:0")
            .with("server.internal_bind", "127.0.0.1:0")
            .with("server.workers", "1")
            .with("server.drain_s", "2")
            .with("server.header_timeout_ms", "60000")
            .with("security.argon2_memory_kib", "64")
            .with("security.argon2_passes", "1")
            .with("security.coupon_keys", format!("1:{}", "5e".repeat(32)))
            .with("mail.folder", mails.display().to_string());
        self.settings.iter().fold(sources, |sources, (path, value)| sources.with(path, value))
    }
}

/// The proxies between one node and its servers.
pub struct NodeProxies {
    pub redis: FaultProxy,
    pub postgres: FaultProxy,
}

/// A running system. Derefs to its first node, and stops when dropped.
pub struct TestApp {
    pub nodes: Vec<Node>,
    pub clock: TestClock,
    /// One for each node, if the app was built with proxies.
    pub proxies: Vec<NodeProxies>,
    mails: tempfile::TempDir,
    servers: Option<Servers>,
    pub backend: Backend,
    sources: Sources,
}

impl TestApp {
    /// The servers of this test alone.
    pub fn servers(&mut self) -> &mut Servers {
        self.servers.as_mut().expect("the app was built with_private_servers")
    }

    /// Starts another node on the same servers, with these settings changed.
    pub async fn add_node(&mut self, settings: &[(&str, &str)]) -> &Node {
        let sources = settings.iter().fold(self.sources.clone(), |sources, (path, value)| sources.with(path, *value));
        let node = Node::start(Config::load(&sources).unwrap(), false, None).await;
        self.clock.nodes.push(node.app.clone());
        self.nodes.push(node);
        self.nodes.last().unwrap()
    }

    /// The text of every mail that was sent.
    pub fn mails(&self) -> Vec<String> {
        let mut files: Vec<_> = self.mails.path().read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
    }
}

impl Deref for TestApp {
    type Target = Node;

    fn deref(&self) -> &Node {
        &self.nodes[0]
    }
}

/// One node. Derefs to its parts.
pub struct Node {
    app: App,
    pub address: SocketAddr,
    pub internal_address: SocketAddr,
    pub client: reqwest::Client,
    mailer: Arc<Mailer>,
    shutdown: Shutdown,
    running: Option<Running>,
}

impl Node {
    async fn start(config: Config, workers: bool, metrics: Option<PrometheusHandle>) -> Self {
        let shutdown = Shutdown::new();
        let start = Start { config, shutdown: shutdown.clone(), workers, metrics };
        let running = NODES.spawn(startup::start(start)).await.unwrap().unwrap();
        Self {
            app: running.app.clone(),
            address: running.address,
            internal_address: running.internal_address.unwrap(),
            client: reqwest::Client::new(),
            mailer: Arc::clone(&running.mailer),
            shutdown,
            running: Some(running),
        }
    }

    /// The URL of a path on this node.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// An anonymous request.
    pub fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.get(self.url(path))
    }

    /// Issues all coupons that are due.
    pub async fn settle_now(&self) {
        while self.engine.settle(CHUNK).await.unwrap() > 0 {}
    }

    /// Closes all deals whose window is over.
    pub async fn close_now(&self) {
        self.engine.close_due().await.unwrap();
    }

    /// Compares every deal in Redis with Postgres, and repairs what is missing.
    pub async fn reconcile_now(&self) {
        self.engine.reconcile(None, Catching::Everything).await.unwrap();
    }

    /// Sends all mails that are due.
    pub async fn deliver_now(&self) {
        while deliver_due(&self.store, &self.mailer, CHUNK).await.unwrap() > 0 {}
    }

    /// Stops this node as SIGTERM does, and waits until it has stopped.
    pub async fn stop(&mut self) {
        self.shutdown.begin();
        if let Some(running) = self.running.take() {
            running.ended().await.unwrap();
        }
    }
}

impl Deref for Node {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.shutdown.begin();
    }
}
