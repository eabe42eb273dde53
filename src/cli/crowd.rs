//! `muster crowd`: a recorded or invented campaign, played onto a deal over HTTP.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use indicatif::ProgressBar;
use muster::client_log::ClientLog;
use muster::clock::Clock;
use muster::dev::crowd::arrivals::Arrivals;
use muster::dev::crowd::plan::Plan;
use muster::dev::crowd::{self, Behaviour, Client, Tally};
use muster::dev::people;
use muster::domain::{DealId, Role};
use muster::startup;

use super::settings::SettingsArgs;
use super::style;

const EXAMPLES: &str = "\
Examples:
  muster crowd --dev --deal ID                                         300 invented buyers within a minute
  muster crowd --dev --deal ID --arrivals campaign.csv --speed 7200    a recorded campaign, two hours per second
  muster crowd --dev --deal ID --buyers 2000 --churn 0.05 --log target/crowd.log

A recorded campaign has the columns seconds,joined: how many had joined, so many seconds after the first row.
The crowd's accounts and tokens are made in the database; it joins and leaves over HTTP.";

/// Arguments of `muster crowd`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
    /// The deal to join
    #[arg(long, value_name = "ID")]
    deal: DealId,
    /// A recorded campaign (otherwise one is invented)
    #[arg(long, value_name = "FILE")]
    arrivals: Option<PathBuf>,
    /// Buyers of an invented campaign, which takes an hour at speed 1
    #[arg(long, default_value_t = 300, conflicts_with = "arrivals")]
    buyers: u64,
    /// How many times faster than recorded
    #[arg(long, value_name = "N", default_value_t = 60)]
    speed: u32,
    /// The share of buyers who leave, while others join in the same step
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    churn: f64,
    /// The most units that a buyer takes; most take one
    #[arg(long, value_name = "N", default_value_t = 1)]
    units_max: u32,
    /// The server (otherwise the settings' `base_url`)
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    /// The most requests under way at a time
    #[arg(long, value_name = "N", default_value_t = 128)]
    at_once_max: usize,
    /// How long a buyer tries again when the server is busy
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    patience_s: u64,
    /// Note every call, before and after it: for `muster audit --log`
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Repeat the run that printed this number
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

fn share(text: &str) -> Result<f64, String> {
    let refused = || format!("`{text}` is not a share from 0 to 1");
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or_else(refused)
}

/// Plays the campaign, and compares what the crowd was told with what the deal says.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let config = args.settings.load()?;
    let client = Client::new(args.base_url.as_deref().unwrap_or(config.server.base_url.as_str()))?;
    let before = client.deal(args.deal).await.context("the server must run")?;
    let seed = args.seed.unwrap_or_else(rand::random);
    let arrivals = match &args.arrivals {
        Some(path) => Arrivals::read(path)?,
        None => Arrivals::invented(args.buyers, 60),
    };
    let plan = Plan::new(&arrivals, args.churn, seed);
    println!(
        "{} buyers come to “{}” (seed {seed}); it has {} and needs {}",
        plan.buyers, before.title, before.progress.buyers, before.progress.tipping_point
    );

    let ledger = startup::ledger(&config)?;
    let bar = ProgressBar::new(plan.buyers as u64).with_style(style::bar()).with_message("accounts");
    let people = people::simulate(&ledger, plan.buyers, Role::Buyer, |made| bar.set_position(made as u64)).await?;
    bar.finish_and_clear();

    let behaviour = Behaviour {
        deal: args.deal,
        speed: args.speed,
        units_max: args.units_max,
        at_once_max: args.at_once_max,
        patience: Duration::from_secs(args.patience_s),
        log: args.log.as_deref().map(|path| ClientLog::create(path, Clock::new())).transpose()?,
    };
    let bar = ProgressBar::new(plan.events.len() as u64).with_style(style::bar());
    let watch = |tally: &Tally| {
        bar.set_position(tally.acts());
        bar.set_message(format!("acts, {} joined, {} left", tally.joined, tally.left));
    };
    let since = Instant::now();
    let tally = crowd::play(&client, &behaviour, &plan, people, watch).await?;
    bar.finish_and_clear();
    println!("{tally}\n  in {:.1} s", since.elapsed().as_secs_f64());

    let after = client.deal(args.deal).await?;
    if let Some(number) = tally.tipped_with {
        println!("It tipped with buyer {number}.");
    }
    println!("The deal is {} with {} buyers.", after.progress.state.as_str(), after.progress.buyers);
    let came = u64::from(after.progress.buyers.saturating_sub(before.progress.buyers));
    ensure!(
        came == tally.present() || !tally.undecided.is_empty(),
        "the deal has {came} buyers more than before, but {} joined and did not leave (did others join meanwhile?)",
        tally.present()
    );
    Ok(())
}
