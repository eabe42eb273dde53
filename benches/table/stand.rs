//! The system under test: private servers, a node of Muster, and the naive peer on the same servers.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use muster::dev::home::{Home, Settings};
use muster::dev::load::Prepared;
use muster::dev::ports::require_free;
use muster::dev::servers::{Options, Program, Servers};
use rustix::process::{Resource, Rlimit, setrlimit};
use sqlx::{Connection, PgConnection};
use tokio::process::Command;

use crate::Args;
use crate::peers;
use crate::program::{environment, wait_until_ready};
use crate::wrk::{Run, wrk};

/// The address of Muster.
pub const ADDRESS: &str = "127.0.0.1:8490";
const INTERNAL: &str = "127.0.0.1:8491";
/// The number of buyers with tokens. Each makes many signups.
const BUYERS: &str = "10000";
/// A tipping point that is never reached, so the work after a tip is not measured with the joins.
pub const NEVER: &str = "10000000";

/// A running system.
pub struct Stand {
    pub args: Args,
    bar: ProgressBar,
    row: &'static str,
    folder: PathBuf,
    muster: Program,
    peer: Option<Program>,
    servers: Option<Servers>,
    runs: u32,
    /// The folder of everything. Declared last, so it is removed after its users have stopped.
    _kept: tempfile::TempDir,
}

/// Deals and buyers, also as files for wrk.
pub struct Crowd {
    pub prepared: Prepared,
    tokens: PathBuf,
    deals: PathBuf,
}

impl Stand {
    /// Starts the servers, Muster and the peer. Fails if an address is in use: a wrong server would be measured.
    pub async fn start(args: &Args, bar: ProgressBar, row: &'static str) -> Result<Self> {
        for address in [ADDRESS, INTERNAL] {
            require_free(address.parse()?)?;
        }
        // Not in a home directory, which the user that runs Postgres cannot enter.
        let kept = tempfile::Builder::new().prefix("muster-bench-").tempdir_in("/var/tmp")?;
        let folder = kept.path().to_owned();
        std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o711))?;
        let data = folder.join("data");
        let servers = Servers::start(Options::persistent(&data)).await?;
        servers.ensure_database("muster").await?;
        servers.ensure_database("peer").await?;
        let home = Home::at(Some(data))?;
        home.write(&Settings {
            database_url: servers.database_url("muster"),
            redis_url: servers.redis_url(),
            bind: ADDRESS.parse()?,
            internal_bind: INTERNAL.parse()?,
        })?;
        let settings = home.folder().join("settings.toml").display().to_string();
        let arguments = ["serve", "--profile", "load", "--config", &settings].map(str::to_owned);
        let log = folder.join("muster.log");
        let mut muster =
            Program::new(env!("CARGO_BIN_EXE_muster").into(), arguments.into(), std::env::current_dir()?, log.clone());
        // Mails are not measured.
        let own = [("RUST_LOG", "warn"), ("MUSTER__WORKERS__OUTBOX_EVERY_MS", "3600000")];
        muster.start(environment(&own)).await.context("starting Muster")?;
        wait_until_ready(ADDRESS, &mut muster, &log).await?;
        let peer = peers::naive(&args.peers, &servers, &folder).await?;
        Ok(Self { args: args.clone(), bar, row, folder, servers: Some(servers), muster, peer, runs: 0, _kept: kept })
    }

    /// Stops the peer, Muster and the servers.
    pub async fn stop(mut self) {
        if let Some(peer) = &mut self.peer {
            peer.kill().await;
        }
        self.muster.kill().await;
        if let Some(servers) = self.servers.take() {
            servers.stop().await;
        }
    }

    /// Copies the node's log to `out`, because it often shows why a row could not be measured. Returns the copy's path.
    pub fn keep_log(&self, out: &Path) -> Result<PathBuf> {
        let kept = out.join(format!("{}.log", self.row));
        std::fs::copy(self.folder.join("muster.log"), &kept)?;
        Ok(kept)
    }

    /// Shows the current step in the progress bar.
    pub fn show(&self, step: &str) {
        self.bar.set_message(format!("{}: {step}", self.row));
    }

    /// Whether there is a peer to compare with.
    pub fn has_peer(&self) -> bool {
        self.peer.is_some()
    }

    /// The process id of Muster.
    pub fn pid(&self) -> u32 {
        self.muster.pid().unwrap_or(0)
    }

    /// A connection to Muster's database.
    pub async fn database(&self) -> Result<PgConnection> {
        let url = self.servers.as_ref().map(|servers| servers.database_url("muster")).unwrap_or_default();
        Ok(PgConnection::connect(&url).await?)
    }

    /// Creates deals, and buyers whose own limit is never reached.
    pub async fn crowd(&self, deals: usize, tipping_point: &str, cap: Option<&str>) -> Result<Crowd> {
        self.show("creating deals and buyers");
        let out = self.folder.join("people.json");
        let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
        command.args(["loadtest", "prepare", "--dev", "--data"]).arg(self.folder.join("data"));
        command.args(["--buyers", BUYERS, "--deals", &deals.to_string(), "--tipping-point", tipping_point]);
        command.args(["--per-buyer-max", if cap.is_some() { "100" } else { NEVER }, "--open-minutes", "600"]);
        if let Some(cap) = cap {
            command.args(["--cap", cap]);
        }
        let prepare = command.arg("--out").arg(&out).output().await?;
        anyhow::ensure!(prepare.status.success(), "{}", String::from_utf8_lossy(&prepare.stderr));
        let prepared: Prepared = serde_json::from_slice(&std::fs::read(&out)?)?;
        let (tokens, list) = (self.folder.join("tokens"), self.folder.join(format!("deals-{deals}")));
        std::fs::write(&tokens, lines(prepared.buyers.iter().map(|buyer| buyer.token.clone())))?;
        std::fs::write(&list, lines(prepared.deals.iter().map(ToString::to_string)))?;
        Ok(Crowd { prepared, tokens, deals: list })
    }

    /// Measures one round of joins.
    pub async fn join(&mut self, crowd: &Crowd) -> Result<Run> {
        self.runs += 1;
        self.join_as(crowd, format!("r{}", self.runs)).await
    }

    /// Measures one round of joins whose keys begin with `run`.
    pub async fn join_as(&self, crowd: &Crowd, run: String) -> Result<Run> {
        let (tokens, deals) = (crowd.tokens.display().to_string(), crowd.deals.display().to_string());
        wrk("join", &format!("http://{ADDRESS}"), self.args.seconds, &[&tokens, &deals, &run]).await
    }

    /// Runs a round that is not counted: it fills the caches.
    pub async fn warm_up(&mut self, crowd: &Crowd) -> Result<()> {
        self.show("warming up");
        self.join(crowd).await.map(drop)
    }

    /// Measures one round of the peer, or returns `None` if there is no peer.
    pub async fn peer(&self, path: &str) -> Result<Option<Run>> {
        if !self.has_peer() {
            return Ok(None);
        }
        let script = if path == "/hello" { "report" } else { "post" };
        wrk(script, &format!("http://{}{path}", peers::NAIVE), self.args.seconds, &[]).await.map(Some)
    }
}

/// Raises the limit of open files, which the node inherits. Raising the hard limit needs a privilege.
pub fn raise_limits(sockets: usize) {
    let wanted = sockets as u64 * 2 + 2_000;
    if setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: Some(wanted) }).is_err() {
        let limit = rustix::process::getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).ok();
    }
}

fn lines(words: impl Iterator<Item = String>) -> String {
    words.map(|word| word + "\n").collect()
}
