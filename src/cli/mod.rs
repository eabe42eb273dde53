//! The command line: parses arguments and prints results. The library does the work.

mod audit;
#[cfg(any(debug_assertions, feature = "failpoints"))]
mod chaos;
mod crowd;
mod dev;
mod loadtest;
mod migrate;
mod reconcile;
mod seed;
mod serve;
mod settings;
mod style;

use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use muster::telemetry::{self, LogStyle};

const EXAMPLES: &str = "\
Examples:
  muster dev                                     private servers, sample deals and a simulated crowd
  muster audit --dev                             check every invariant while `muster dev` runs
  muster serve --config /etc/muster.toml         one node, with settings from a file
  DATABASE_URL=… REDIS_URL=… \\
  MUSTER__SECURITY__COUPON_KEYS=… muster serve   one node, with settings from the environment

The files in config/ explain every setting. Any of them can be set in the environment as MUSTER__SECTION__KEY.";

/// Group-buying deal engine: a deal happens only if enough buyers join before it closes
#[derive(Parser)]
#[command(name = "muster", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run one node; any number of nodes can share a database and a Redis
    Serve(serve::Args),
    /// Run a node with private servers, sample deals and a simulated crowd
    Dev(dev::Args),
    /// Bring the database's schema and functions up to date, as the owner of its tables
    Migrate(migrate::Args),
    /// Replay a campaign: simulated buyers join and leave a deal through the API
    Crowd(crowd::Args),
    /// Prepare load tests
    Loadtest(loadtest::Args),
    /// Create sample deals in every state and two demo accounts; not for production
    Seed(seed::Args),
    /// Repair Redis from Postgres, and load every open deal into it
    Reconcile(reconcile::Args),
    /// Check every invariant. Exit 1: broken; 2: could not be checked
    Audit(audit::Args),
    /// Inject faults under load and check every invariant; not in release builds
    #[cfg(any(debug_assertions, feature = "failpoints"))]
    Chaos(chaos::Args),
}

/// Runs the command that the arguments name. Prints an error with its causes.
pub fn main() -> ExitCode {
    let command = Cli::parse().command;
    let is_node = matches!(command, Command::Serve(_));
    telemetry::log_to_stderr(if is_node { LogStyle::Service } else { LogStyle::Command });
    match run(command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("muster: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> anyhow::Result<ExitCode> {
    // All TLS in this program uses ring. This fails only if a provider is already installed.
    rustls::crypto::ring::default_provider().install_default().ok();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the runtime")?;
    // Actix needs a System on this thread; spawned tasks still run on all threads of the Tokio runtime.
    actix_web::rt::System::with_tokio_rt(|| runtime).block_on(async {
        match command {
            Command::Serve(args) => serve::run(args).await?,
            Command::Dev(args) => dev::run(args).await?,
            Command::Migrate(args) => migrate::run(args).await?,
            Command::Crowd(args) => return crowd::run(args).await,
            Command::Loadtest(args) => loadtest::run(args).await?,
            Command::Seed(args) => seed::run(args).await?,
            Command::Reconcile(args) => reconcile::run(args).await?,
            Command::Audit(args) => return Ok(audit::run(args).await),
            #[cfg(any(debug_assertions, feature = "failpoints"))]
            Command::Chaos(args) => return chaos::run(args).await,
        }
        Ok(ExitCode::SUCCESS)
    })
}
