//! `muster dev`: everything on this machine.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use muster::config::Config;
use muster::dev::home::{Home, Settings};
use muster::dev::servers::{Options, Servers};
use muster::shutdown::Shutdown;
use muster::startup::{self, Start};
use muster::telemetry;

const DATABASE: &str = "muster";
/// Taken if it is free, else one of the next.
const PORT: u16 = 8080;
const INTERNAL_PORT: u16 = 9090;

/// Arguments of `muster dev`.
#[derive(clap::Args)]
pub struct Args {
    /// Keep the data here (otherwise in /var/lib/muster for root, and in `$XDG_DATA_HOME/muster` for others)
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Listen here (otherwise on 127.0.0.1, on the first free port from 8080 on)
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<SocketAddr>,
}

/// Starts servers and a node, and runs until Ctrl-C.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let home = Home::at(args.data)?;
    println!("Muster keeps its data in {}", home.folder().display());
    let servers = Servers::start(Options { report: step, ..Options::persistent(home.folder()) }).await?;
    servers.ensure_database(DATABASE).await?;
    let config = Config::load(&home.write(&Settings {
        database_url: servers.database_url(DATABASE),
        redis_url: servers.redis_url(),
        bind: args.bind.unwrap_or_else(|| free_address(PORT)),
        internal_bind: free_address(INTERNAL_PORT),
    })?)?;

    let since = Instant::now();
    let shutdown = Shutdown::on_signals()?;
    let metrics = Some(telemetry::record_metrics()?);
    let base_url = config.server.base_url.clone();
    let running = startup::start(Start { config, shutdown, workers: true, metrics }).await?;
    step("the schema is up to date, and Muster listens", since.elapsed());
    println!("\n  Open {base_url}\n");

    let ended = running.ended().await;
    let since = Instant::now();
    servers.stop().await;
    step("servers stopped", since.elapsed());
    ended
}

/// Prints what was done and what it took.
fn step(what: &str, took: Duration) {
    println!("  {what:<48} {:>6.2} s", took.as_secs_f64());
}

fn free_address(wish: u16) -> SocketAddr {
    let here = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let is_free = |address: &SocketAddr| TcpListener::bind(address).is_ok();
    (wish..wish.saturating_add(100)).map(here).find(is_free).unwrap_or_else(|| here(0))
}
