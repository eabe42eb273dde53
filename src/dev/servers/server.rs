//! One running server and what can be done to it. Fault tests kill, pause and restart it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::error::{ServersError, io};
use super::folder::DataFolder;
use super::identity::Identity;
use super::probe::Probe;
use super::process::{Process, Recipe, Signal};

/// How long a server may take until it answers; recovering after a crash takes some seconds.
const START_PATIENCE: Duration = Duration::from_mins(1);
/// How long it may take to end when asked.
const STOP_PATIENCE: Duration = Duration::from_secs(15);
/// Between two questions whether it is ready.
const POLL: Duration = Duration::from_millis(10);
/// Before it is started again because its predecessor still ended.
const RETRY_PAUSE: Duration = Duration::from_millis(250);
const LOG_TAIL_LINES: usize = 12;

/// A server of this process.
#[derive(Debug)]
pub struct Server {
    pub(super) name: &'static str,
    pub(super) recipe: Recipe,
    pub(super) probe: Probe,
    /// Ends it without regard for its children or a slow flush, but cleanly enough to be started again.
    pub(super) hurry: Option<Signal>,
    pub(super) identity: Arc<Identity>,
    /// Kept so that the folder stays locked as long as any of its servers lives.
    pub(super) folder: Arc<DataFolder>,
    pub(super) process: Option<Process>,
}

impl Server {
    /// Starts it, and returns when it has answered a query. Does nothing if it runs.
    ///
    /// # Errors
    /// It ended or did not answer within a minute: with the end of its log.
    pub async fn start(&mut self) -> Result<(), ServersError> {
        let since = Instant::now();
        if self.process.as_mut().is_some_and(Process::is_running) {
            return Ok(());
        }
        self.process = None;
        // A server whose owner was killed is still ending: it has the socket, and its files.
        while self.probe.is_occupied().await {
            self.give_up_after(since, "of an earlier start does not end")?;
            tokio::time::sleep(RETRY_PAUSE).await;
        }
        loop {
            let mut process = Process::start(&self.recipe, &self.identity).await?;
            while process.is_running() {
                if self.probe.is_answered().await {
                    self.process = Some(process);
                    return Ok(());
                }
                self.give_up_after(since, "does not answer")?;
                tokio::time::sleep(POLL).await;
            }
            if !self.predecessor_is_ending() {
                return Err(self.failed("ended at once"));
            }
            self.give_up_after(since, "is blocked by an earlier one")?;
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    /// Asks it to end, and waits for that. Paused servers are continued first.
    pub async fn stop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        process.signal_all(Signal::Continue);
        process.signal(Signal::Interrupt);
        if !process.ended_within(STOP_PATIENCE).await {
            tracing::warn!(server = self.name, "does not end when asked, and is killed");
            process.kill();
            process.ended_within(STOP_PATIENCE).await;
        }
    }

    /// `kill -9`. [`Server::start`] starts it again, with the data that it had.
    pub async fn kill(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        // Paused children would not notice.
        process.signal_all(Signal::Continue);
        process.kill();
        process.ended_within(STOP_PATIENCE).await;
    }

    /// Its process, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// Makes it stand still: its connections stay open and nothing answers.
    pub fn pause(&self) {
        self.process.iter().for_each(|process| process.signal_all(Signal::Stop));
    }

    /// Lets it go on after [`Server::pause`].
    pub fn resume(&self) {
        self.process.iter().for_each(|process| process.signal_all(Signal::Continue));
    }

    /// Keeps a copy of its files as they are now, as a backup or a lagging replica would have them.
    ///
    /// # Errors
    /// The files cannot be copied.
    pub fn copy_data(&self) -> Result<DataCopy, ServersError> {
        let name = self.recipe.folder.file_name().unwrap_or_default().to_string_lossy();
        let copy = self.folder.path().join(format!("{name}-copy"));
        replace_folder(&self.recipe.folder, &copy)?;
        Ok(DataCopy(copy))
    }

    /// Kills it, and starts it again from an older copy of its files.
    ///
    /// # Errors
    /// The files cannot be copied, or it does not start from them.
    pub async fn restart_from(&mut self, copy: &DataCopy) -> Result<(), ServersError> {
        self.kill().await;
        replace_folder(&copy.0, &self.recipe.folder)?;
        self.start().await
    }

    /// Kills it, and starts it again without data. For Redis; an empty Postgres has no database.
    ///
    /// # Errors
    /// Its files cannot be removed, or it does not start.
    pub async fn restart_empty(&mut self) -> Result<(), ServersError> {
        self.kill().await;
        std::fs::remove_dir_all(&self.recipe.folder).map_err(io("removing", &self.recipe.folder))?;
        self.identity.give_folder(&self.recipe.folder)?;
        self.start().await
    }

    /// Postgres names the process that has its data; wait for it, unless it is only a zombie that nobody will reap. Its
    /// connections end a little after it when it was killed; as long as one is there, it says so and does not start.
    fn predecessor_is_ending(&self) -> bool {
        let has_connections = || tail(&self.recipe.log).contains("pre-existing shared memory block");
        matches!(&self.probe, Probe::Postgres { .. })
            && (super::postgres::has_predecessor(&self.recipe.folder) || has_connections())
    }

    fn give_up_after(&self, since: Instant, what: &'static str) -> Result<(), ServersError> {
        if since.elapsed() < START_PATIENCE { Ok(()) } else { Err(self.failed(what)) }
    }

    fn failed(&self, what: &'static str) -> ServersError {
        let log = self.recipe.log.clone();
        ServersError::Failed { name: self.name, what, tail: tail(&log), log }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        process.signal_all(Signal::Continue);
        process.signal(self.hurry.unwrap_or(Signal::Interrupt));
        if !process.block_until_ended(STOP_PATIENCE) {
            process.kill();
            process.block_until_ended(STOP_PATIENCE);
        }
    }
}

/// A server's files at some moment.
#[derive(Debug)]
pub struct DataCopy(PathBuf);

/// Puts a copy of one folder in the place of another, owners and modes included.
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
