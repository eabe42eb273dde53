//! `muster dev`: a node with private servers, sample deals and a simulated crowd.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use muster::App;
use muster::app::shutdown::Shutdown;
use muster::app::startup::{self, Start};
use muster::config::{BaseUrl, Config, Profile};
use muster::dev::crowd::{self, Background};
use muster::dev::home::{Home, Settings};
use muster::dev::people;
use muster::dev::ports::require_free;
use muster::dev::seed::{DEMO_BUYER, DEMO_MERCHANT, Seeder};
use muster::dev::servers::{Options, Servers};
use muster::telemetry;

const DATABASE: &str = "muster";
/// Preferred ports. If one is taken, the next free port is used.
const PORT: u16 = 8080;
const INTERNAL_PORT: u16 = 9090;

/// Number of simulated buyers: enough to tip every showcase deal.
const CROWD: usize = 150;

/// Arguments of `muster dev`.
#[derive(clap::Args)]
pub struct Args {
    /// Data folder [default: `$XDG_DATA_HOME/muster`, or /var/lib/muster as root]
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Address to listen on [default: 127.0.0.1, first free port from 8080]
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<SocketAddr>,
    /// Start without sample deals and without a crowd
    #[arg(long)]
    bare: bool,
    /// Profile of rate limits
    #[arg(long, value_enum, default_value = "dev")]
    profile: Profile,
}

/// Starts the servers and a node, and runs until Ctrl-C.
pub async fn run(args: Args) -> anyhow::Result<()> {
    if let Some(bind) = args.bind {
        require_free(bind)?;
    }
    let home = Home::at(args.data)?;
    println!("Data folder: {}", home.folder().display());
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
    step("schema up to date, node listening", since.elapsed());
    if args.bare {
        println!("\n  Open {base_url}\n");
    } else {
        // The address is printed after the deals exist. Ctrl-C also interrupts seeding.
        tokio::select! {
            seeded = seed_and_start_crowd(&running.app, &base_url, &shutdown) => seeded?,
            () = shutdown.begun() => {}
        }
    }

    let ended = running.ended().await;
    let since = Instant::now();
    servers.stop().await;
    step("servers stopped", since.elapsed());
    ended
}

/// Creates the sample deals, prints the address and the demo accounts, and starts the crowd.
async fn seed_and_start_crowd(app: &App, base_url: &BaseUrl, shutdown: &Shutdown) -> anyhow::Result<()> {
    let seeder = Seeder { engine: &app.engine, store: &app.store, auth: &app.auth, report: step };
    let since = Instant::now();
    let created = seeder.seed().await?.created.len();
    let deals = seeder.ensure_showcase().await?;
    step(&format!("sample deals ready, {created} of them new"), since.elapsed());
    let buyers = people::simulate(&app.store, CROWD, |_| {}).await?;

    println!("\n  Open {base_url}");
    if let Some(first) = deals.first() {
        println!("  Watch this deal tip within a minute: {}", base_url.join(&format!("/deals/{first}")));
    }
    println!("\n  Sign in as the buyer {} or the merchant {}.", DEMO_BUYER.email, DEMO_MERCHANT.email);
    println!("  Both have the password {}.", DEMO_BUYER.password);
    println!("  `muster audit --dev` checks every invariant. Ctrl-C stops everything.\n");

    let background = Background { base_url: base_url.clone(), buyers, showcase: deals, seed: rand::random() };
    let shutdown = shutdown.clone();
    tokio::spawn(async move {
        if let Err(error) = crowd::run_in_background(background, &shutdown).await {
            tracing::warn!(%error, "cannot start the simulated crowd");
        }
    });
    Ok(())
}

/// Prints a completed step and how long it took.
fn step(what: &str, took: Duration) {
    println!("  {what:<48} {:>6.2} s", took.as_secs_f64());
}

/// The first free port from `preferred` on, or port 0 if 100 ports in a row are taken.
fn free_address(preferred: u16) -> SocketAddr {
    let localhost = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let is_free = |address: &SocketAddr| TcpListener::bind(address).is_ok();
    (preferred..preferred.saturating_add(100)).map(localhost).find(is_free).unwrap_or_else(|| localhost(0))
}
