//! `muster chaos`: faults on purpose. Not in a release.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use indicatif::ProgressBar;
use muster::dev::chaos::{self, Length, Options, Step, catalogue};
use muster::shutdown::Shutdown;

use super::style;

const EXAMPLES: &str = "\
Examples:
  muster chaos --minutes 10                         every kind of fault in turn, at random
  muster chaos --faults 12 --seed 7                 twelve faults, the same ones each time
  muster chaos --only redis --only 'node: dies at'  some kinds
  muster chaos --minutes 60 --out faults.md         an hour, with the table as Markdown

It starts servers and nodes of its own and touches nothing else. It exits with 1 if any promise was broken.";

/// Arguments of `muster chaos`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// How long new faults are made
    #[arg(long, value_name = "N", default_value_t = 10)]
    minutes: u64,
    /// Make so many faults instead
    #[arg(long, value_name = "N", conflicts_with = "minutes")]
    faults: Option<usize>,
    /// Repeat the faults of an earlier run
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How many nodes
    #[arg(long, value_name = "N", default_value = "3")]
    nodes: NonZeroUsize,
    /// Only kinds whose names begin so; may be given several times
    #[arg(long, value_name = "KIND")]
    only: Vec<String>,
    /// Faults between two audits
    #[arg(long, value_name = "N", default_value = "5")]
    faults_per_round: NonZeroUsize,
    /// Name all kinds, and end
    #[arg(long)]
    list: bool,
    /// Write the table to this file, as Markdown
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Keep data and logs here (otherwise in the temporary directory)
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Keep data and logs also when nothing was found
    #[arg(long)]
    keep: bool,
}

/// Makes faults, prints the table, and fails if something was found.
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
        program: std::env::current_exe().context("this program's own path")?,
    };
    println!("Seed {seed}; logs and data are in {}", folder.display());
    let bar = match length {
        Length::Faults(faults) => ProgressBar::new(faults as u64),
        Length::Time(time) => ProgressBar::new(time.as_secs()),
    };
    let bar = bar.with_style(style::bar());
    bar.enable_steady_tick(Duration::from_millis(200));
    let since = std::time::Instant::now();
    let tell = |step: Step<'_>| {
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
    let table = chaos::run(&options, &Shutdown::on_signals()?, tell).await;
    bar.finish_and_clear();
    let table = table.with_context(|| format!("logs and data are in {}", folder.display()))?;
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
    println!("Promises were broken: logs and data are in {}", folder.display());
    Ok(ExitCode::FAILURE)
}

fn remove(folder: &Path) {
    if let Err(error) = std::fs::remove_dir_all(folder) {
        tracing::warn!(%error, folder = %folder.display(), "could not be removed");
    }
}
