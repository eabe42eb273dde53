//! Runs `wrk` with 64 connections on two threads.

use std::process::Stdio;

use anyhow::{Context, Result};
use serde::Deserialize;
use tokio::process::Command;

const CONNECTIONS: &str = "64";

/// The result of a run.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Run {
    /// The number of responses.
    pub requests: u64,
    pub duration_us: u64,
    /// Responses with status 400 or above.
    pub refused: u64,
    /// Failed connections and responses.
    pub errors: u64,
}

impl Run {
    /// Responses with a status below 400, per second.
    pub fn good_per_s(&self) -> f64 {
        (self.requests - self.refused) as f64 * 1e6 / self.duration_us as f64
    }

    /// Responses per second.
    pub fn answers_per_s(&self) -> f64 {
        self.requests as f64 * 1e6 / self.duration_us as f64
    }
}

/// Runs a script in `load-tests/wrk/` against an address.
pub async fn wrk(script: &str, url: &str, seconds: u64, arguments: &[&str]) -> Result<Run> {
    let output = Command::new("wrk")
        .args(["-t2", "-c", CONNECTIONS, "--timeout", "20s", "-s", &format!("load-tests/wrk/{script}.lua")])
        .arg(format!("-d{seconds}s"))
        .arg(url)
        .arg("--")
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .context("wrk is missing: make bench installs it")?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = stdout.lines().find(|line| line.starts_with('{'));
    let line =
        line.with_context(|| format!("wrk printed no result: {stdout} {}", String::from_utf8_lossy(&output.stderr)))?;
    let run: Run = serde_json::from_str(line)?;
    anyhow::ensure!(run.requests > 0, "nothing answered at {url}: {line}");
    anyhow::ensure!(run.errors * 100 < run.requests, "too many errors at {url}: {line}");
    Ok(run)
}
