//! A program of one's own beside the servers: a node under test.

use std::path::PathBuf;
use std::time::Duration;

use super::Search;
use super::error::ServersError;
use super::identity::Identity;
use super::process::{Process, Recipe, Signal};

/// How long a killed process may take to be gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// A program that is started, stopped and killed again and again. It dies with this process, also when that is killed.
#[derive(Debug)]
pub struct Program {
    recipe: Recipe,
    identity: Identity,
    process: Option<Process>,
}

impl Program {
    /// A program with these arguments; it runs in this folder and logs to this file.
    #[must_use]
    pub fn new(program: PathBuf, arguments: Vec<String>, folder: PathBuf, log: PathBuf) -> Self {
        let recipe =
            Recipe { program, arguments, folder, log, environment: Some(Vec::new()), when_orphaned: Signal::Kill };
        // It becomes nobody else, so whoever this is does not matter.
        let identity = Identity { uid: 0, other: None, setpriv: Search::of_system().program("setpriv") };
        Self { recipe, identity, process: None }
    }

    /// Starts it with this environment and no other. One that runs is killed first.
    ///
    /// # Errors
    /// It cannot be started.
    pub async fn start(&mut self, environment: Vec<(String, String)>) -> Result<(), ServersError> {
        self.kill().await;
        self.recipe.environment = Some(environment);
        self.process = Some(Process::start(&self.recipe, &self.identity).await?);
        Ok(())
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(Process::is_running)
    }

    /// Its process, while there is one.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// SIGTERM, and waits for the end; false if it had to be killed after this time.
    pub async fn stop(&mut self, patience: Duration) -> bool {
        let Some(process) = &mut self.process else { return true };
        process.signal(Signal::Terminate);
        let ended = process.ended_within(patience).await;
        self.kill().await;
        ended
    }

    /// `kill -9`.
    pub async fn kill(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        process.kill();
        process.ended_within(PATIENCE).await;
    }

    /// Waits until it has ended by itself; false if it did not within this time.
    pub async fn ended_within(&mut self, patience: Duration) -> bool {
        match &mut self.process {
            Some(process) => process.ended_within(patience).await,
            None => true,
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
            process.block_until_ended(PATIENCE);
        }
    }
}
