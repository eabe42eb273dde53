//! `muster crowd`: a campaign replayed as so many buyers over HTTP.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context;
use indicatif::{HumanCount, HumanDuration, ProgressBar};
use muster::client_log::ClientLog;
use muster::clock::Clock;
use muster::config::BaseUrl;
use muster::dev::crowd::{self, Arrivals, Client, Pace, Replay, Schedule, Share, Tally};
use muster::dev::load::Prepared;
use muster::dev::people::{self, Simulated};
use muster::domain::{DealId, Role};
use muster::shutdown::Shutdown;
use muster::startup;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::settings::SettingsArgs;
use super::style;

const USUAL_BASE_URL: &str = "http://127.0.0.1:8080";
const REDRAW_EVERY: Duration = Duration::from_millis(200);

const EXAMPLES: &str = "\
Examples:
  muster crowd --dev                                                    500 buyers within a minute, to the newest open deal
  muster crowd --dev --deal ID --arrivals campaign.csv --churn 0.05     a recorded campaign, a month within a minute
  muster crowd --dev --deal ID --arrivals campaign.csv --speed max --units 1..3 --log target/crowd.log

A recorded campaign has the columns seconds,joined: how many had joined so many seconds after the first row.
The crowd's accounts and tokens are made in the database; it joins and leaves over HTTP. The end is a table; it exits with 1
if the deal's figures are not those that its answers add up to.";

/// Arguments of `muster crowd`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Replay this campaign: CSV with the columns seconds,joined (otherwise a generated one)
    #[arg(long, value_name = "FILE.csv")]
    arrivals: Option<PathBuf>,
    /// How many buyers the generated campaign has in the end
    #[arg(long, value_name = "N", default_value_t = 500, conflicts_with = "arrivals")]
    joins: u32,
    /// Which deal they join (otherwise the first that was prepared with the buyers, or the newest that is open)
    #[arg(long, value_name = "ID")]
    deal: Option<DealId>,
    /// So many times as fast as it happened, or `max`; the default makes a minute of a month
    #[arg(long, value_name = "N", default_value = "43200")]
    speed: Speed,
    /// This share of the buyers leaves, and another joins in the same step
    #[arg(long, value_name = "SHARE", default_value = "0")]
    churn: Share,
    /// How many units a buyer takes: a number, or a range such as 1..3
    #[arg(long, value_name = "RANGE", default_value = "1")]
    units: UnitsRange,
    /// The most calls at a time
    #[arg(long, value_name = "N", default_value = "64")]
    concurrency: NonZeroU32,
    /// Where the server is (otherwise where the settings say, or on port 8080 of this machine)
    #[arg(long, value_name = "URL")]
    base_url: Option<BaseUrl>,
    /// Take the buyers from this file of `muster loadtest prepare` (otherwise new ones are made in the database)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "profile", "dev"])]
    prepared: Option<PathBuf>,
    /// Write a line before and after each call to this file, for `muster audit --log`
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Repeat the chances of an earlier run
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    settings: SettingsArgs,
}

#[derive(Clone, Copy)]
struct Speed(Pace);

impl FromStr for Speed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "max" => Ok(Self(Pace::Max)),
            number => number.parse().map(|times| Self(Pace::Times(times))).map_err(|_| "a whole number, or max"),
        }
    }
}

#[derive(Clone)]
struct UnitsRange(RangeInclusive<u32>);

impl FromStr for UnitsRange {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (from, to) = text.split_once("..").unwrap_or((text, text));
        let (from, to) = (from.parse::<u32>(), to.trim_start_matches('=').parse::<u32>());
        match (from, to) {
            (Ok(from), Ok(to)) if from >= 1 && from <= to => Ok(Self(from..=to)),
            _ => Err("a number from 1 on, or a range such as 1..3, both ends included"),
        }
    }
}

/// Replays a campaign, and fails if the server's figures are not what its answers said.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let arrivals = match &args.arrivals {
        Some(path) => Arrivals::read(path).with_context(|| path.display().to_string())?,
        None => Arrivals::generated(args.joins),
    };
    let seed = args.seed.unwrap_or_else(rand::random);
    let schedule = Schedule::plan(&arrivals, args.churn, &mut StdRng::seed_from_u64(seed));
    println!(
        "{} join and {} leave in {}, ending with {}. Seed {seed}.",
        HumanCount(count(schedule.joins())),
        HumanCount(count(schedule.leaves())),
        HumanDuration(arrivals.length()),
        HumanCount(arrivals.at_the_end().into()),
    );
    let crowd = gather(&args, schedule.joins()).await?;
    let mut client = Client::new(crowd.base_url)?;
    let deal = match args.deal.or(crowd.deal) {
        Some(deal) => deal,
        None => client.newest_open_deal().await?.context("no deal is open: name one with --deal")?,
    };
    if let Some(path) = &args.log {
        let log = ClientLog::create(path, Clock::new()).with_context(|| path.display().to_string())?;
        client = client.with_log(log);
    }
    let concurrency = usize::try_from(args.concurrency.get())?;
    let replay = Replay { deal, schedule, pace: args.speed.0, units: args.units.0, concurrency, seed };
    play(&client, crowd.buyers, &replay).await
}

/// Who comes, and where to.
struct Crowd {
    buyers: Vec<Simulated>,
    base_url: BaseUrl,
    deal: Option<DealId>,
}

async fn gather(args: &Args, wanted: usize) -> anyhow::Result<Crowd> {
    if let Some(path) = &args.prepared {
        let text = std::fs::read(path).with_context(|| path.display().to_string())?;
        let prepared: Prepared = serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
        let usual = || USUAL_BASE_URL.parse().map_err(anyhow::Error::msg);
        return Ok(Crowd {
            buyers: prepared.buyers.into_iter().map(Simulated::from).collect(),
            base_url: args.base_url.clone().map_or_else(usual, Ok)?,
            deal: prepared.deals.first().copied(),
        });
    }
    let config = args.settings.load()?;
    let bar = ProgressBar::new(count(wanted)).with_style(style::bar()).with_message("buyers");
    let tell = |there: usize| bar.set_position(count(there));
    let buyers = people::simulate(&startup::store(&config)?, wanted, Role::Buyer, tell).await?;
    bar.finish_and_clear();
    Ok(Crowd { buyers, base_url: args.base_url.clone().unwrap_or(config.server.base_url), deal: None })
}

async fn play(client: &Client, buyers: Vec<Simulated>, replay: &Replay) -> anyhow::Result<ExitCode> {
    let bar = ProgressBar::new(count(replay.schedule.joins() + replay.schedule.leaves())).with_style(style::bar());
    bar.enable_steady_tick(REDRAW_EVERY);
    let tell = |tally: &Tally| {
        bar.set_position((tally.attempted + tally.leaving).into());
        bar.set_message(format!(
            "calls: {} joined, {} left, {} refused, {} repeated",
            tally.joined,
            tally.left,
            tally.refusals() + tally.leave_refusals(),
            tally.repeated()
        ));
    };
    let report = crowd::replay(client, buyers, replay, &Shutdown::on_signals()?, tell).await;
    bar.finish_and_clear();
    let report = report?;
    println!("\nThe replay onto deal {} took {:.1?}.\n\n{report}", replay.deal, report.took);
    Ok(if report.disagreements().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
