//! One node: this program as `muster serve`, with its own links.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::time::Instant;

use super::{COUPON_KEY, DATABASE, HOLD_TTL_MS};
use crate::dev::chaos::proxy::Link;
use crate::dev::servers::{Program, Servers};

const START_TIMEOUT: Duration = Duration::from_secs(30);
const READY_POLL: Duration = Duration::from_millis(25);
/// The node's `server.drain_s`.
const DRAIN_S: u64 = 3;

/// A node that can be started, stopped and killed repeatedly.
pub(in crate::dev::chaos) struct Node {
    program: Program,
    environment: Vec<(String, String)>,
    http: reqwest::Client,
    /// The address on which the node listens. It bypasses the link.
    pub(in crate::dev::chaos) address: SocketAddr,
    /// The address that clients use. It leads through the link.
    pub(in crate::dev::chaos) reached_at: SocketAddr,
    /// The link to Redis.
    pub(in crate::dev::chaos) redis: Link,
    /// The link to Postgres.
    pub(in crate::dev::chaos) postgres: Link,
    /// The link from clients to the node.
    pub(in crate::dev::chaos) clients: Link,
}

impl Node {
    pub(super) async fn new(number: usize, folder: &Path, program: &Path, servers: &Servers) -> anyhow::Result<Self> {
        let links = folder.join(format!("n{number}"));
        std::fs::create_dir_all(&links)?;
        let sockets = servers_sockets(&servers.redis_url())?;
        let redis_socket = links.join("redis.sock");
        let redis = Link::unix(&redis_socket, sockets.join("redis.sock"))?;
        let postgres = Link::unix(&links.join(".s.PGSQL.5432"), sockets.join(".s.PGSQL.5432"))?;
        let address = free_address()?;
        let (clients, reached_at) = Link::tcp(address).await?;
        let mails = folder.join("mail").display().to_string();
        let settings = [
            ("DATABASE_URL", format!("postgres:///{DATABASE}?host={}&port=5432&user=muster", links.display())),
            ("REDIS_URL", format!("redis+unix://{}?db=0", redis_socket.display())),
            ("MUSTER__SERVER__BIND", address.to_string()),
            ("MUSTER__SERVER__INTERNAL_BIND", String::new()),
            ("MUSTER__SERVER__BASE_URL", format!("http://{reached_at}")),
            ("MUSTER__SERVER__WORKERS", "1".to_owned()),
            ("MUSTER__SERVER__DRAIN_S", DRAIN_S.to_string()),
            ("MUSTER__POSTGRES__POOL_MAX", "6".to_owned()),
            ("MUSTER__LANES__COUNT", "4".to_owned()),
            // Shorter than the faults, so that the timeouts are exercised too.
            ("MUSTER__LANES__QUEUE_WAIT_MAX_MS", "1000".to_owned()),
            ("MUSTER__LANES__REPLY_AFTER_MS", "2000".to_owned()),
            ("MUSTER__LANES__LOCK_TIMEOUT_MS", "1500".to_owned()),
            ("MUSTER__REDIS__HOLD_TTL_MS", HOLD_TTL_MS.to_owned()),
            ("MUSTER__SECURITY__COUPON_KEYS", COUPON_KEY.to_owned()),
            ("MUSTER__MAIL__FOLDER", mails),
            ("RUST_BACKTRACE", "1".to_owned()),
        ];
        let environment = settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let arguments = ["serve", "--profile", "load"].map(str::to_owned).into();
        let log = folder.join(format!("node-{number}.log"));
        Ok(Self {
            program: Program::new(program.to_owned(), arguments, folder.to_owned(), log),
            environment,
            http: reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(3)).build()?,
            address,
            reached_at,
            redis,
            postgres,
            clients,
        })
    }

    /// Starts the node and waits until it is ready.
    pub(in crate::dev::chaos) async fn start(&mut self) -> anyhow::Result<()> {
        self.begin(&[]).await?;
        self.ready().await
    }

    /// Starts the node with additional environment variables and does not wait.
    pub(in crate::dev::chaos) async fn begin(&mut self, more: &[(&str, String)]) -> anyhow::Result<()> {
        let more = more.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let environment = self.environment.iter().cloned().chain(more).collect();
        Ok(self.program.start(environment).await?)
    }

    /// Waits until `/readyz` succeeds.
    pub(in crate::dev::chaos) async fn ready(&mut self) -> anyhow::Result<()> {
        let since = Instant::now();
        let url = format!("http://{}/readyz", self.address);
        loop {
            let answer = self.http.get(&url).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if !self.program.is_running() {
                bail!("the node ended during startup; see its log");
            }
            if since.elapsed() > START_TIMEOUT {
                bail!("the node is not ready after {START_TIMEOUT:?}");
            }
            tokio::time::sleep(READY_POLL).await;
        }
    }

    /// Sends SIGTERM and waits. Returns false if the node had to be killed.
    pub(in crate::dev::chaos) async fn stop(&mut self) -> bool {
        self.program.stop(Duration::from_secs(3 * DRAIN_S + 5)).await
    }

    /// Kills the node with SIGKILL.
    pub(in crate::dev::chaos) async fn kill(&mut self) {
        self.program.kill().await;
    }

    /// Waits until the node has ended on its own. Returns false on timeout.
    pub(in crate::dev::chaos) async fn ended_within(&mut self, timeout: Duration) -> bool {
        self.program.ended_within(timeout).await
    }

    pub(in crate::dev::chaos) fn is_running(&mut self) -> bool {
        self.program.is_running()
    }

    pub(in crate::dev::chaos) fn pid(&self) -> Option<u32> {
        self.program.pid()
    }
}

/// The folder of the servers' sockets, taken from the URL of Redis.
fn servers_sockets(redis_url: &str) -> anyhow::Result<PathBuf> {
    let path = redis_url.strip_prefix("redis+unix://").and_then(|rest| rest.split('?').next());
    let folder = path.and_then(|path| Path::new(path).parent());
    Ok(folder.context("Redis is not on a Unix socket")?.to_owned())
}

/// A free port, chosen once so that the link works across restarts.
fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
