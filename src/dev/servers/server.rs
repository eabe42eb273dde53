//! One server: starting, stopping, killing, pausing and restoring it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::{ServersError, io};
use super::folder::DataFolder;
use super::identity::Identity;
use super::postmaster;
use super::probe::Probe;
use super::process::{Process, ProcessSpec, Signal};

/// How long a server may take to answer its first query. Crash recovery takes some seconds.
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// How long a server may take to shut down gracefully.
const STOP_TIMEOUT: Duration = Duration::from_secs(15);
/// Interval between readiness probes.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// Interval between attempts to start while an earlier server is still shutting down.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);
const LOG_TAIL_LINES: usize = 12;

/// A server that this process owns. Dropping it stops the server, blocking the thread.
#[derive(Debug)]
pub struct Server {
    pub(super) name: &'static str,
    pub(super) spec: ProcessSpec,
    pub(super) probe: Probe,
    /// A signal that stops the server faster than SIGINT, for data that is discarded anyway.
    pub(super) fast_stop: Option<Signal>,
    pub(super) identity: Arc<Identity>,
    /// Keeps the folder locked while any of its servers is alive.
    pub(super) folder: Arc<DataFolder>,
    pub(super) process: Option<Process>,
}

impl Server {
    /// Starts the server and waits until it answers a query. Does nothing if it is running.
    ///
    /// # Errors
    /// The server ended, or did not answer within a minute. The error has the end of its log.
    pub async fn start(&mut self) -> Result<(), ServersError> {
        let since = Instant::now();
        if self.process.as_mut().is_some_and(Process::is_running) {
            return Ok(());
        }
        self.process = None;
        // A server whose owner was killed may still be shutting down and using the socket and the files.
        while self.probe.is_occupied().await {
            self.check_timeout(since, "could not start: an earlier server does not end")?;
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
        loop {
            let mut process = Process::start(&self.spec, &self.identity).await?;
            while process.is_running() {
                if self.probe.is_answered().await {
                    self.process = Some(process);
                    return Ok(());
                }
                self.check_timeout(since, "does not answer")?;
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            if !self.predecessor_is_ending() {
                return Err(self.failed("ended during startup"));
            }
            self.check_timeout(since, "could not start: an earlier server still uses its data")?;
            tokio::time::sleep(RETRY_INTERVAL).await;
        }
    }

    /// Shuts the server down gracefully, and kills it if that takes too long. Resumes a paused server first.
    pub async fn stop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        process.signal_all(Signal::Continue);
        process.signal(Signal::Interrupt);
        if !process.ended_within(STOP_TIMEOUT).await {
            tracing::warn!(server = self.name, "killing a server that did not shut down in time");
            process.kill();
            process.ended_within(STOP_TIMEOUT).await;
        }
    }

    /// Kills the server with SIGKILL. [`Server::start`] restarts it with the same data.
    pub async fn kill(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        // Paused child processes would not notice that their parent has ended.
        process.signal_all(Signal::Continue);
        process.kill();
        process.ended_within(STOP_TIMEOUT).await;
    }

    /// The process id, while the server runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// Pauses the server and its child processes (SIGSTOP). Connections stay open, but nothing answers.
    pub fn pause(&self) {
        self.process.iter().for_each(|process| process.signal_all(Signal::Stop));
    }

    /// Resumes the server after [`Server::pause`].
    pub fn resume(&self) {
        self.process.iter().for_each(|process| process.signal_all(Signal::Continue));
    }

    /// Copies the server's files in their present state, like a backup or a lagging replica.
    ///
    /// # Errors
    /// The files cannot be copied.
    pub fn copy_data(&self) -> Result<DataCopy, ServersError> {
        let name = self.spec.folder.file_name().unwrap_or_default().to_string_lossy();
        let copy = self.folder.path().join(format!("{name}-copy"));
        replace_folder(&self.spec.folder, &copy)?;
        Ok(DataCopy(copy))
    }

    /// Kills the server and restarts it from an earlier copy of its files.
    ///
    /// # Errors
    /// The files cannot be copied, or the server does not start from them.
    pub async fn restart_from(&mut self, copy: &DataCopy) -> Result<(), ServersError> {
        self.kill().await;
        replace_folder(&copy.0, &self.spec.folder)?;
        self.start().await
    }

    /// Kills the server and restarts it without data. Works only for Redis: Postgres needs initdb.
    ///
    /// # Errors
    /// The files cannot be removed, or the server does not start.
    pub async fn restart_empty(&mut self) -> Result<(), ServersError> {
        self.kill().await;
        std::fs::remove_dir_all(&self.spec.folder).map_err(io("removing", &self.spec.folder))?;
        self.identity.give_folder(&self.spec.folder)?;
        self.start().await
    }

    /// Whether Postgres refused to start because an earlier one, or one of its backends, has not ended yet. The
    /// backends of a killed Postgres outlive it for a moment and keep the shared memory in use.
    fn predecessor_is_ending(&self) -> bool {
        let has_backends = || tail(&self.spec.log).contains("pre-existing shared memory block");
        matches!(&self.probe, Probe::Postgres { .. })
            && (postmaster::has_predecessor(&self.spec.folder) || has_backends())
    }

    fn check_timeout(&self, since: Instant, what: &'static str) -> Result<(), ServersError> {
        if since.elapsed() < START_TIMEOUT { Ok(()) } else { Err(self.failed(what)) }
    }

    fn failed(&self, what: &'static str) -> ServersError {
        let log = self.spec.log.clone();
        ServersError::Failed { name: self.name, what, tail: tail(&log), log }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        process.signal_all(Signal::Continue);
        process.signal(self.fast_stop.unwrap_or(Signal::Interrupt));
        if !process.block_until_ended(STOP_TIMEOUT) {
            process.kill();
            process.block_until_ended(STOP_TIMEOUT);
        }
    }
}

/// A copy of a server's files.
#[derive(Debug)]
pub struct DataCopy(PathBuf);

/// Replaces a folder by a copy of another one, preserving owners and modes.
fn replace_folder(from: &Path, to: &Path) -> Result<(), ServersError> {
    if to.exists() {
        std::fs::remove_dir_all(to).map_err(io("removing", to))?;
    }
    let output = std::process::Command::new("cp").args(["-R", "-p"]).arg(from).arg(to).output();
    let output = output.map_err(io("copying", from))?;
    if output.status.success() {
        return Ok(());
    }
    Err(ServersError::Helper { program: "cp".to_owned(), output: String::from_utf8_lossy(&output.stderr).into_owned() })
}

fn tail(log: &Path) -> String {
    let text = std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let skipped = lines.len().saturating_sub(LOG_TAIL_LINES);
    lines.iter().skip(skipped).map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}
