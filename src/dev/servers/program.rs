//! A program that is started and stopped beside the servers: a node under test, or the peer of a benchmark.

use std::path::PathBuf;
use std::time::Duration;

use super::error::ServersError;
use super::identity::Identity;
use super::process::{Process, ProcessSpec, Signal};
use super::programs::Search;

/// How long a killed process may take to end.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A program that can be started, stopped and killed repeatedly. The program ends with this process, even if this
/// process is killed.
#[derive(Debug)]
pub struct Program {
    spec: ProcessSpec,
    identity: Identity,
    process: Option<Process>,
}

impl Program {
    /// A program with its arguments, working directory and log file. It is not started yet.
    #[must_use]
    pub fn new(program: PathBuf, arguments: Vec<String>, folder: PathBuf, log: PathBuf) -> Self {
        let spec =
            ProcessSpec { program, arguments, folder, log, environment: Some(Vec::new()), when_orphaned: Signal::Kill };
        // The uid is used only for switching users, which a `Program` does not do.
        let identity = Identity { uid: 0, other: None, setpriv: Search::of_system().program("setpriv") };
        Self { spec, identity, process: None }
    }

    /// Sends SIGTERM instead of SIGKILL when this process ends, for a program that must stop its own child processes.
    #[must_use]
    pub fn terminated_when_orphaned(mut self) -> Self {
        self.spec.when_orphaned = Signal::Terminate;
        self
    }

    /// Starts the program with exactly this environment. Kills it first if it is running.
    ///
    /// # Errors
    /// The process cannot be spawned.
    pub async fn start(&mut self, environment: Vec<(String, String)>) -> Result<(), ServersError> {
        self.kill().await;
        self.spec.environment = Some(environment);
        self.process = Some(Process::start(&self.spec, &self.identity).await?);
        Ok(())
    }

    /// Whether the process is running.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::is_running)
    }

    /// The process id, if the program has been started.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// Sends SIGTERM and waits. Returns false if the process had to be killed after the timeout.
    pub async fn stop(&mut self, timeout: Duration) -> bool {
        let Some(process) = &mut self.process else { return true };
        process.signal(Signal::Terminate);
        let ended = process.ended_within(timeout).await;
        self.kill().await;
        ended
    }

    /// Kills the process with SIGKILL.
    pub async fn kill(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        process.kill();
        process.ended_within(TIMEOUT).await;
    }

    /// Waits until the process has ended on its own. Returns false on timeout.
    pub async fn ended_within(&mut self, timeout: Duration) -> bool {
        match &mut self.process {
            Some(process) => process.ended_within(timeout).await,
            None => true,
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        if self.spec.when_orphaned != Signal::Kill {
            process.signal(self.spec.when_orphaned);
            if process.block_until_ended(TIMEOUT) {
                return;
            }
        }
        process.kill();
        process.block_until_ended(TIMEOUT);
    }
}
