//! What Muster is compared with. None of it is part of this repository: it is built from a folder beside it, if that is there.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result};
use muster::dev::servers::Servers;
use tokio::process::{Child, Command};

use crate::stand::answered;

/// Where the naive peer listens.
pub const NAIVE: &str = "127.0.0.1:8399";
/// Where nchan listens.
pub const NCHAN: &str = "127.0.0.1:8396";

/// Builds and starts the naive peer on these servers; none if its folder is not there.
pub async fn naive(peers: &Path, servers: &Servers, folder: &Path) -> Result<Option<Child>> {
    let source = peers.join("naive");
    if !source.join("Cargo.toml").is_file() {
        return Ok(None);
    }
    // Its own folder may be read-only, and cargo writes a lock file.
    let build = std::env::current_dir()?.join("target/bench-peers");
    let copy = build.join("naive");
    std::fs::create_dir_all(&copy)?;
    // With the times of its files, or cargo would build it again for every row.
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
    let log = std::fs::File::create(folder.join("naive.log"))?;
    let peer = Command::new(build.join("target/release/naive"))
        .env("REDIS_URL", servers.redis_url())
        .env("DATABASE_URL", servers.database_url("peer"))
        .stdout(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()?;
    answered(NAIVE, &folder.join("naive.log")).await?;
    Ok(Some(peer))
}

/// nginx with nchan, ended when dropped.
pub struct Nchan {
    folder: std::path::PathBuf,
}

impl Nchan {
    /// Starts it; none if it is not installed, or its configuration is not there.
    pub async fn start(peers: &Path, folder: &Path) -> Result<Option<Self>> {
        let Ok(configuration) = peers.join("fanout/peer_nchan.conf").canonicalize() else { return Ok(None) };
        if !Path::new("/usr/lib/nginx/modules/ngx_nchan_module.so").is_file() {
            return Ok(None);
        }
        let folder = folder.join("nchan");
        std::fs::create_dir_all(folder.join("logs"))?;
        let started = Command::new("nginx").arg("-p").arg(&folder).arg("-c").arg(configuration).output().await?;
        anyhow::ensure!(started.status.success(), "nginx: {}", String::from_utf8_lossy(&started.stderr));
        answered(NCHAN, &folder.join("logs/error.log")).await?;
        Ok(Some(Self { folder }))
    }

    /// Its processes: the master and its workers.
    pub fn pids(&self) -> Result<Vec<u32>> {
        let master: u32 =
            std::fs::read_to_string(self.folder.join("logs/nchan.pid"))?.trim().parse().context("a pid")?;
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

impl Drop for Nchan {
    fn drop(&mut self) {
        if let Ok(pid) = std::fs::read_to_string(self.folder.join("logs/nchan.pid")) {
            std::process::Command::new("kill").arg(pid.trim()).status().ok();
        }
    }
}
