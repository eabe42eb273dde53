//! `muster chaos`: fault injection under load. Not in release builds.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use indicatif::ProgressBar;
use muster::app::shutdown::Shutdown;
use muster::dev::chaos::{self, Length, Options, Step, catalogue};

use super::style;

const EXAMPLES: &str = "\
Examples:
  muster chaos --minutes 10                         every kind of fault, in random order
  muster chaos --faults 12 --seed 7                 twelve faults, the same ones on every run
  muster chaos --only redis --only 'node: dies at'  some kinds of fault
  muster chaos --minutes 60 --out faults.md         an hour, with the results as a Markdown table

The command starts private servers and nodes and touches nothing else. It exits with 1 if an invariant was broken.";

/// Arguments of `muster chaos`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Inject faults for this many minutes
    #[arg(long, value_name = "N", default_value_t = 10)]
    minutes: u64,
    /// Inject this many faults instead of running for a fixed time
    #[arg(long, value_name = "N", conflicts_with = "minutes")]
    faults: Option<usize>,
    /// Seed of the order of faults and of the clients' choices [default: random]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Number of nodes
    #[arg(long, value_name = "N", default_value = "3")]
    nodes: NonZeroUsize,
    /// Inject only faults whose names start with this; repeatable
    #[arg(long, value_name = "PREFIX")]
    only: Vec<String>,
    /// Faults between two audits
    #[arg(long, value_name = "N", default_value = "5")]
    faults_per_round: NonZeroUsize,
    /// Print the names of all faults and exit
    #[arg(long)]
    list: bool,
    /// Also write the results to this file, as a Markdown table
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Folder for data and logs [default: a new one in the temporary directory]
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Keep data and logs even if every invariant held
    #[arg(long)]
    keep: bool,
}

/// Injects faults and prints the results. Fails if an invariant was broken.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.list {
        for fault in &catalogue() {
            println!("{}", fault.name);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let seed = args.seed.unwrap_or_else(|| u64::from(rand::random::<u32>()));
    let folder =
        args.folder.unwrap_or_else(|| std::env::temp_dir().join(format!("muster-chaos-{seed}-{}", std::process::id())));
    let length = match args.faults {
        Some(faults) => Length::Faults(faults),
        None => Length::Time(Duration::from_secs(60 * args.minutes)),
    };
    let options = Options {
        seed,
        length,
        nodes: args.nodes.get(),
        only: args.only,
        faults_per_round: args.faults_per_round.get(),
        folder: folder.clone(),
        program: std::env::current_exe().context("cannot find the path of this program")?,
    };
    println!("Seed: {seed}. Data and logs: {}", folder.display());
    let bar = match length {
        Length::Faults(faults) => ProgressBar::new(faults as u64),
        Length::Time(time) => ProgressBar::new(time.as_secs()),
    };
    let bar = bar.with_style(style::bar());
    bar.enable_steady_tick(Duration::from_millis(200));
    let since = std::time::Instant::now();
    let report = |step: Step<'_>| {
        if let (Length::Time(_), false) = (length, step == Step::Starting) {
            bar.set_position(since.elapsed().as_secs());
        }
        match step {
            Step::Starting => bar.set_message("starting servers and nodes"),
            Step::Fault(name, number) => {
                if matches!(length, Length::Faults(_)) {
                    bar.set_position(number as u64);
                }
                bar.set_message(format!("{number}: {name}"));
            }
            Step::Auditing => bar.set_message("auditing"),
            Step::Found(what) => bar.suspend(|| println!("FOUND {what}")),
        }
    };
    let table = chaos::run(&options, &Shutdown::on_signals()?, report).await;
    bar.finish_and_clear();
    let table = table.with_context(|| format!("the run failed; data and logs are in {}", folder.display()))?;
    println!("{table}");
    if let Some(out) = &args.out {
        std::fs::write(out, table.markdown()).with_context(|| out.display().to_string())?;
    }
    if table.is_clean() {
        if !args.keep {
            remove(&folder);
        }
        return Ok(ExitCode::SUCCESS);
    }
    println!("Invariants were broken. Data and logs are in {}", folder.display());
    Ok(ExitCode::FAILURE)
}

fn remove(folder: &Path) {
    if let Err(error) = std::fs::remove_dir_all(folder) {
        tracing::warn!(%error, folder = %folder.display(), "cannot remove the folder of the run");
    }
}
