//! The command line. Owns arguments and what is printed; what happens is in the library.

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
  muster dev                                     everything on this machine: servers, sample deals, a crowd
  DATABASE_URL=… REDIS_URL=… muster serve        a node of a real installation
  muster serve --config /etc/muster.toml         the same, with settings from a file

  muster audit --dev                             everything that was promised, looked at while `muster dev` runs

Every setting is explained in config/*.toml, and can be set as MUSTER__SECTION__KEY in the environment.";

/// Deals that happen only if enough people want them.
#[derive(Parser)]
#[command(name = "muster", version, after_help = EXAMPLES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve deals, as one of any number of nodes
    Serve(serve::Args),
    /// Start everything on this machine, with sample deals and a simulated crowd
    Dev(dev::Args),
    /// Bring the database's schema up to date, and end
    Migrate(migrate::Args),
    /// Let a simulated crowd join a deal, the way a recorded campaign went
    Crowd(crowd::Args),
    /// Prepare load tests
    Loadtest(loadtest::Args),
    /// Make sample deals in every state, and two accounts to look at them with: never where real people join
    Seed(seed::Args),
    /// Tell Redis again what Postgres knows
    Reconcile(reconcile::Args),
    /// Look whether everything holds that was promised; exits 1 if not, 2 if that could not be seen
    Audit(audit::Args),
    /// Make faults on purpose under load, and look whether every promise holds; not in a release
    #[cfg(any(debug_assertions, feature = "failpoints"))]
    Chaos(chaos::Args),
}

/// Runs the command that the arguments name. A failure is printed with its causes.
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
    // The one crypto library of this program; whoever needs TLS takes it from here.
    rustls::crypto::ring::default_provider().install_default().ok();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting threads")?;
    // Actix wants a system of its own on this thread; spawned tasks still share all threads.
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
