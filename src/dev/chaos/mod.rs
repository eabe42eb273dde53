//! `muster chaos`: injects faults into nodes, Redis, Postgres and the links between them, under load, and audits the
//! result.
//!
//! A round creates new deals, starts a workload on them, injects some faults one after the other, ends the workload,
//! and runs the audit with the clients' log. After each fault, every node must acknowledge joins again. A seed
//! determines the order of the faults and the clients' choices, but not the scheduling of the processes.
//!
//! Only the audit and the clients judge the outcome. This module does not depend on how Muster recovers.

mod catalogue;
mod cluster;
mod inject;
mod logs;
mod proxy;
mod round;
mod table;
mod workload;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use tokio::time::Instant;

pub use self::catalogue::{Fault, catalogue};
use self::cluster::Cluster;
use self::logs::Logs;
use self::round::Rounds;
pub use self::table::Table;
use self::workload::Observations;
use crate::app::shutdown::Shutdown;

/// Options of a run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Seed of the order of faults and of the clients' choices.
    pub seed: u64,
    /// When to stop starting rounds.
    pub length: Length,
    /// Number of nodes.
    pub nodes: usize,
    /// Prefixes of the names of faults to inject. Empty means all faults.
    pub only: Vec<String>,
    /// Number of faults per round.
    pub faults_per_round: usize,
    /// Folder for logs and data.
    pub folder: PathBuf,
    /// Path of the `muster` program that runs as a node.
    pub program: PathBuf,
}

/// The length of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// No round starts after this time.
    Time(Duration),
    /// The run injects this many faults.
    Faults(usize),
}

/// A progress report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Servers and nodes are starting.
    Starting,
    /// A fault with this name is being injected. The number counts from 1.
    Fault(&'a str, usize),
    /// The last clients are receiving their answers; the audit follows.
    Auditing,
    /// A finding: a broken invariant, or an error in a log.
    Found(&'a str),
}

/// Runs rounds of faults and returns the results.
///
/// # Errors
/// The name filter is wrong, or servers or nodes cannot be started. A fault that cannot be undone is not an error: it
/// ends the run and becomes a finding.
pub async fn run(options: &Options, shutdown: &Shutdown, mut report: impl FnMut(Step<'_>)) -> anyhow::Result<Table> {
    let faults = chosen(&options.only)?;
    report(Step::Starting);
    std::fs::create_dir_all(&options.folder).with_context(|| options.folder.display().to_string())?;
    let cluster = Cluster::start(&options.folder, &options.program, options.nodes).await?;
    let logs = Logs::new(&options.folder, &cluster);
    let mut rounds = Rounds {
        cluster,
        observations: Arc::new(Observations::new()),
        rng: StdRng::seed_from_u64(options.seed),
        table: Table::new(options.seed),
        logs,
        faults_injected: 0,
        deadlocks: 0,
    };
    let since = Instant::now();
    let mut bag = Vec::new();
    loop {
        let left = match options.length {
            Length::Faults(count) => count.saturating_sub(rounds.faults_injected),
            Length::Time(length) if since.elapsed() < length => usize::MAX,
            Length::Time(_) => 0,
        };
        if left == 0 || shutdown.has_begun() {
            break;
        }
        let mut these = Vec::new();
        while these.len() < options.faults_per_round.min(left) {
            // Each fault is injected once before any is repeated.
            if bag.is_empty() {
                bag.clone_from(&faults);
                bag.shuffle(&mut rounds.rng);
            }
            these.extend(bag.pop());
        }
        if let Err(error) = rounds.run(&these, shutdown, &mut report).await {
            // A fault that was not undone would distort every later round.
            let finding = format!("the run ended early: {error:#}");
            report(Step::Found(&finding));
            rounds.table.find(finding);
            break;
        }
    }
    let Rounds { cluster, mut table, observations, .. } = rounds;
    table.finish(since.elapsed(), observations.notes());
    cluster.stop().await;
    Ok(table)
}

/// The faults whose names start with one of these prefixes.
fn chosen(only: &[String]) -> anyhow::Result<Vec<Fault>> {
    let is_meant = |fault: &Fault, name: &String| fault.name.starts_with(name.as_str());
    if let Some(unknown) = only.iter().find(|name| !catalogue().iter().any(|fault| is_meant(fault, name))) {
        bail!("no fault has a name that starts with {unknown:?}; `muster chaos --list` prints all names");
    }
    let faults = catalogue().into_iter();
    Ok(faults.filter(|fault| only.is_empty() || only.iter().any(|name| is_meant(fault, name))).collect())
}
