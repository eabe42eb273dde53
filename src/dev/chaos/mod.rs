//! `muster chaos`: nodes, Redis, Postgres and the links between them fail on purpose, under load, and the audit looks whether
//! every promise held.
//!
//! A round is: new deals, a load on them, some faults one after the other, the end of the load, the audit with what clients
//! wrote down. After each fault every node must acknowledge joins again. The same seed gives the same faults in the same
//! order and the same clients; how they are scheduled is up to the machine.
//!
//! What follows from a fault is judged by the audit and by clients alone. Nothing in here knows how Muster heals.

mod catalogue;
mod cluster;
mod logs;
mod proxy;
mod round;
mod strike;
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
use self::workload::Service;
use crate::shutdown::Shutdown;

/// How a run goes.
#[derive(Clone, Debug)]
pub struct Options {
    /// What decides the order of faults and who comes when.
    pub seed: u64,
    /// When no new round begins any more.
    pub length: Length,
    /// How many nodes.
    pub nodes: usize,
    /// Kinds of faults, by the beginning of their names; none: all.
    pub only: Vec<String>,
    /// Faults in a round.
    pub faults_per_round: usize,
    /// Where logs and data go.
    pub folder: PathBuf,
    /// The program that serves.
    pub program: PathBuf,
}

/// How long a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// So long.
    Time(Duration),
    /// So many faults.
    Faults(usize),
}

/// What a run tells while it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Servers and nodes are being started.
    Starting,
    /// This fault is made, the so manieth.
    Fault(&'a str, usize),
    /// The last clients get their answers, then everything is audited.
    Auditing,
    /// Something that must not be.
    Found(&'a str),
}

/// Runs, and answers what came of it.
///
/// # Errors
/// Servers or nodes cannot be started. A fault that cannot be healed ends the run, and is a finding.
pub async fn run(options: &Options, shutdown: &Shutdown, mut tell: impl FnMut(Step<'_>)) -> anyhow::Result<Table> {
    let faults = chosen(&options.only)?;
    tell(Step::Starting);
    std::fs::create_dir_all(&options.folder).with_context(|| options.folder.display().to_string())?;
    let cluster = Cluster::start(&options.folder, &options.program, options.nodes).await?;
    let logs = Logs::new(&options.folder, &cluster);
    let mut rounds = Rounds {
        cluster,
        service: Arc::new(Service::new()),
        chance: StdRng::seed_from_u64(options.seed),
        table: Table::new(options.seed),
        logs,
        faults_made: 0,
        deadlocks: 0,
    };
    let since = Instant::now();
    let mut bag = Vec::new();
    loop {
        let left = match options.length {
            Length::Faults(count) => count.saturating_sub(rounds.faults_made),
            Length::Time(length) if since.elapsed() < length => usize::MAX,
            Length::Time(_) => 0,
        };
        if left == 0 || shutdown.has_begun() {
            break;
        }
        let mut these = Vec::new();
        while these.len() < options.faults_per_round.min(left) {
            // Every kind before any comes again.
            if bag.is_empty() {
                bag.clone_from(&faults);
                bag.shuffle(&mut rounds.chance);
            }
            these.extend(bag.pop());
        }
        if let Err(error) = rounds.play(&these, shutdown, &mut tell).await {
            // What is not healed would spoil everything after it.
            let finding = format!("the run ended early: {error:#}");
            tell(Step::Found(&finding));
            rounds.table.find(finding);
            break;
        }
    }
    let Rounds { cluster, mut table, service, .. } = rounds;
    table.finish(since.elapsed(), service.notes());
    cluster.stop().await;
    Ok(table)
}

/// The kinds whose names begin with one of these.
fn chosen(only: &[String]) -> anyhow::Result<Vec<Fault>> {
    let is_meant = |fault: &Fault, name: &String| fault.name.starts_with(name.as_str());
    if let Some(unknown) = only.iter().find(|name| !catalogue().iter().any(|fault| is_meant(fault, name))) {
        bail!("no kind of fault begins with {unknown:?}: `muster chaos --list` names them all");
    }
    let faults = catalogue().into_iter();
    Ok(faults.filter(|fault| only.is_empty() || only.iter().any(|name| is_meant(fault, name))).collect())
}
