//! The systems that Muster is compared with. Their sources are in a folder outside this repository, which may be
//! missing.

use std::path::Path;

use anyhow::{Context, Result};
use muster::dev::ports::require_free;
use muster::dev::servers::{Program, Servers};
use tokio::process::Command;

use crate::program::{environment, wait_until_ready};

/// Where the naive peer listens.
pub const NAIVE: &str = "127.0.0.1:8399";
/// Where nchan listens.
pub const NCHAN: &str = "127.0.0.1:8396";

/// Builds and starts the naive peer on these servers, or returns `None` if its folder does not exist.
pub async fn naive(peers: &Path, servers: &Servers, folder: &Path) -> Result<Option<Program>> {
    let source = peers.join("naive");
    if !source.join("Cargo.toml").is_file() {
        return Ok(None);
    }
    require_free(NAIVE.parse()?)?;
    // The source folder may be read-only, and cargo writes a lock file.
    let build = std::env::current_dir()?.join("target/bench-peers");
    let copy = build.join("naive");
    std::fs::create_dir_all(&copy)?;
    // Preserve the modification times, or cargo would rebuild the peer for every row.
    let copied =
        Command::new("cp").args(["-R", "--preserve=timestamps"]).arg(source.join(".")).arg(&copy).status().await?;
    anyhow::ensure!(copied.success(), "{} cannot be copied", source.display());
    Command::new("chmod").args(["-R", "u+w"]).arg(&copy).status().await?;
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let status = Command::new(cargo)
        .args(["build", "--release", "--quiet", "--manifest-path"])
        .arg(copy.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(build.join("target"))
        .status()
        .await?;
    anyhow::ensure!(status.success(), "the naive peer cannot be built");
    let log = folder.join("naive.log");
    let mut peer = Program::new(build.join("target/release/naive"), Vec::new(), folder.to_owned(), log.clone());
    let (redis, database) = (servers.redis_url(), servers.database_url("peer"));
    peer.start(environment(&[("REDIS_URL", &redis), ("DATABASE_URL", &database)])).await?;
    wait_until_ready(NAIVE, &mut peer, &log).await?;
    Ok(Some(peer))
}

/// nginx with nchan. Dropping this stops nginx.
pub struct Nchan {
    nginx: Program,
}

impl Nchan {
    /// Starts nginx, or returns `None` if the nchan module or its configuration does not exist.
    pub async fn start(peers: &Path, folder: &Path) -> Result<Option<Self>> {
        let Ok(configuration) = std::fs::read_to_string(peers.join("fanout/peer_nchan.conf")) else { return Ok(None) };
        if !Path::new("/usr/lib/nginx/modules/ngx_nchan_module.so").is_file() {
            return Ok(None);
        }
        require_free(NCHAN.parse()?)?;
        let (folder, log) = (folder.join("nchan"), folder.join("nchan.log"));
        std::fs::create_dir_all(folder.join("logs"))?;
        // A daemon would outlive this program.
        let own = folder.join("nchan.conf");
        std::fs::write(&own, configuration.replace("daemon on;", "daemon off;"))?;
        let arguments = ["-p", &folder.display().to_string(), "-c", &own.display().to_string()].map(str::to_owned);
        let mut nginx =
            Program::new("nginx".into(), arguments.into(), folder.clone(), log.clone()).terminated_when_orphaned();
        nginx.start(environment(&[])).await.context("starting nginx")?;
        wait_until_ready(NCHAN, &mut nginx, &log).await?;
        Ok(Some(Self { nginx }))
    }

    /// The process ids of nginx's master and workers.
    pub fn pids(&self) -> Result<Vec<u32>> {
        let master = self.nginx.pid().context("nginx has exited")?;
        let mut pids = vec![master];
        for entry in std::fs::read_dir("/proc")?.flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let status = std::fs::read_to_string(entry.path().join("status")).unwrap_or_default();
            if status.lines().any(|line| line.strip_prefix("PPid:").is_some_and(|of| of.trim() == master.to_string())) {
                pids.push(pid);
            }
        }
        Ok(pids)
    }
}
