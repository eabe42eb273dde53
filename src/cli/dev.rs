//! `muster dev`: everything on this machine.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use muster::App;
use muster::config::{BaseUrl, Config, Profile};
use muster::dev::crowd::{self, Stage};
use muster::dev::home::{Home, Settings};
use muster::dev::people;
use muster::dev::seed::{DEMO_BUYER, DEMO_MERCHANT, Seeder};
use muster::dev::servers::{Options, Servers};
use muster::domain::Role;
use muster::shutdown::Shutdown;
use muster::startup::{self, Start};
use muster::telemetry;

const DATABASE: &str = "muster";
/// Taken if it is free, else one of the next.
const PORT: u16 = 8080;
const INTERNAL_PORT: u16 = 9090;

/// Simulated buyers: enough for the deals of the show, a few for whatever else is on.
const CROWD: usize = 150;

/// Arguments of `muster dev`.
#[derive(clap::Args)]
pub struct Args {
    /// Keep the data here (otherwise in /var/lib/muster for root, and in `$XDG_DATA_HOME/muster` for others)
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Listen here (otherwise on 127.0.0.1, on the first free port from 8080 on)
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<SocketAddr>,
    /// Start without sample deals and without a crowd
    #[arg(long)]
    bare: bool,
    /// Take other rate limits: those of development let a crowd in, but no load test
    #[arg(long, value_enum, default_value = "dev")]
    profile: Profile,
}

/// Starts servers and a node, and runs until Ctrl-C.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let home = Home::at(args.data)?;
    println!("Muster keeps its data in {}", home.folder().display());
    let servers = Servers::start(Options { report: step, ..Options::persistent(home.folder()) }).await?;
    servers.ensure_database(DATABASE).await?;
    let mut sources = home.write(&Settings {
        database_url: servers.database_url(DATABASE),
        redis_url: servers.redis_url(),
        bind: args.bind.unwrap_or_else(|| free_address(PORT)),
        internal_bind: free_address(INTERNAL_PORT),
    })?;
    sources.profile = Some(args.profile);
    let config = Config::load(&sources)?;

    let since = Instant::now();
    let shutdown = Shutdown::on_signals()?;
    let metrics = Some(telemetry::record_metrics()?);
    let base_url = config.server.base_url.clone();
    let running = startup::start(Start { config, shutdown: shutdown.clone(), workers: true, metrics }).await?;
    step("the schema is up to date, and Muster listens", since.elapsed());
    if args.bare {
        println!("\n  Open {base_url}\n");
    } else {
        // The deals are there when the address is printed; Ctrl-C ends also what is being made.
        tokio::select! {
            shown = show(&running.app, &base_url, &shutdown) => shown?,
            () = shutdown.begun() => {}
        }
    }

    let ended = running.ended().await;
    let since = Instant::now();
    servers.stop().await;
    step("servers stopped", since.elapsed());
    ended
}

/// Makes the sample deals, says where to look, and lets a crowd in.
async fn show(app: &App, base_url: &BaseUrl, shutdown: &Shutdown) -> anyhow::Result<()> {
    let seeder = Seeder { engine: &app.engine, store: &app.store, auth: &app.auth, report: step };
    let since = Instant::now();
    let made = seeder.seed().await?.made.len();
    let deals = seeder.ensure_showcase().await?;
    step(&format!("sample deals are there, {made} of them new"), since.elapsed());
    let buyers = people::simulate(&app.store, CROWD, Role::Buyer, |_| {}).await?;

    println!("\n  Open {base_url}");
    if let Some(first) = deals.first() {
        println!("  and watch a deal tip within a minute: {}", base_url.join(&format!("/deals/{first}")));
    }
    println!("\n  Sign in as a buyer with {} or as a merchant with {}:", DEMO_BUYER.email, DEMO_MERCHANT.email);
    println!("  the password of both is {}", DEMO_BUYER.password);
    println!("  Ctrl-C ends everything; `muster audit --dev` looks whether every promise holds\n");

    let stage = Stage { base_url: base_url.clone(), buyers, deals, seed: rand::random() };
    let shutdown = shutdown.clone();
    tokio::spawn(async move {
        if let Err(error) = crowd::entertain(stage, &shutdown).await {
            tracing::warn!(%error, "the crowd did not come");
        }
    });
    Ok(())
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
