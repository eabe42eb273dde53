//! `muster crowd`: replays a campaign with simulated buyers, over HTTP.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context;
use indicatif::{HumanCount, HumanDuration, ProgressBar};
use muster::app::shutdown::Shutdown;
use muster::app::startup;
use muster::clock::Clock;
use muster::config::BaseUrl;
use muster::dev::crowd::{self, Arrivals, Client, Pace, Replay, Schedule, Share, Tally};
use muster::dev::load::Prepared;
use muster::dev::people::{self, Simulated};
use muster::domain::DealId;
use muster::engine::client_log::ClientLog;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::settings::SettingsArgs;
use super::style;

const DEFAULT_BASE_URL: &str = "http://127.0.0.1:8080";
/// The sections of the configuration that [`gather`] reads. Accounts are created in the database; everything else goes
/// through the API.
const SECTIONS: [&str; 3] = ["server", "postgres", "lanes"];
const REDRAW_EVERY: Duration = Duration::from_millis(200);

const EXAMPLES: &str = "\
Examples:
  muster crowd --dev                                  500 buyers join the newest open deal of `muster dev` in a minute
  muster crowd --dev --arrivals campaign.csv          replay a recorded campaign, a month in a minute
  muster crowd --dev --arrivals campaign.csv \\
    --speed max --units 1..3 --log target/crowd.log   as fast as possible, with a log for `muster audit --log`
  DATABASE_URL=… muster crowd --base-url URL          join a deal of a server elsewhere
  muster crowd --prepared FILE --base-url URL         the same without a database, with the buyers in FILE

A recorded campaign is a CSV file with the columns seconds,joined: the number of buyers who had joined after that time.

Signing up thousands of buyers through the API would take hours, so the command creates accounts and tokens in the database.
With --prepared it needs only the API. It prints a table and exits with 1 if the counts on the server differ from the answers.";

/// Arguments of `muster crowd`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Replay the campaign in this CSV file with the columns seconds,joined [default: a generated campaign]
    #[arg(long, value_name = "FILE.csv")]
    arrivals: Option<PathBuf>,
    /// Number of buyers at the end of the generated campaign
    #[arg(long, value_name = "N", default_value_t = 500, conflicts_with = "arrivals")]
    joins: u32,
    /// Deal to join [default: the first deal in the --prepared file, or the newest open deal]
    #[arg(long, value_name = "ID")]
    deal: Option<DealId>,
    /// Speed-up factor, or `max`; the default plays a month in a minute
    #[arg(long, value_name = "N", default_value = "43200")]
    speed: Speed,
    /// Share of buyers, from 0 to 1, who leave and are replaced by others
    #[arg(long, value_name = "SHARE", default_value = "0")]
    churn: Share,
    /// Units per buyer: a number, or a range such as 1..3
    #[arg(long, value_name = "RANGE", default_value = "1")]
    units: UnitsRange,
    /// Maximum requests in flight
    #[arg(long, value_name = "N", default_value = "64")]
    concurrency: NonZeroU32,
    /// URL of the server [default: `server.base_url` from the settings, or port 8080 on this machine with --prepared]
    #[arg(long, value_name = "URL")]
    base_url: Option<BaseUrl>,
    /// Use the buyers in this file, written by `muster loadtest prepare` [default: create buyers in the database]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "profile", "dev"])]
    prepared: Option<PathBuf>,
    /// Log every request and answer to this file, for `muster audit --log`
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Seed of the schedule and of the buyers' choices [default: random]
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
            number => number.parse().map(|times| Self(Pace::Times(times))).map_err(|_| "must be a whole number or max"),
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
            _ => Err("must be a number of at least 1, or an inclusive range such as 1..3"),
        }
    }
}

/// Replays a campaign. Fails if the counts on the server differ from the answers.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let arrivals = match &args.arrivals {
        Some(path) => Arrivals::read(path).with_context(|| path.display().to_string())?,
        None => Arrivals::generated(args.joins),
    };
    let seed = args.seed.unwrap_or_else(rand::random);
    let schedule = Schedule::plan(&arrivals, args.churn, &mut StdRng::seed_from_u64(seed));
    println!(
        "Campaign: {} joins and {} leaves in {}, {} buyers at the end. Seed: {seed}.",
        HumanCount(count(schedule.joins())),
        HumanCount(count(schedule.leaves())),
        HumanDuration(arrivals.length()),
        HumanCount(arrivals.at_the_end().into()),
    );
    let crowd = gather(&args, schedule.joins()).await?;
    let mut client = Client::new(crowd.base_url)?;
    let deal = match args.deal.or(crowd.deal) {
        Some(deal) => deal,
        None => client.newest_open_deal().await?.context("no deal is open; choose one with --deal")?,
    };
    if let Some(path) = &args.log {
        let log = ClientLog::create(path, Clock::new()).with_context(|| path.display().to_string())?;
        client = client.with_log(log);
    }
    let concurrency = usize::try_from(args.concurrency.get())?;
    let replay = Replay { deal, schedule, pace: args.speed.0, units: args.units.0, concurrency, seed };
    play(&client, crowd.buyers, &replay).await
}

/// The buyers, the server, and the deal that was prepared for them.
struct Crowd {
    buyers: Vec<Simulated>,
    base_url: BaseUrl,
    deal: Option<DealId>,
}

async fn gather(args: &Args, wanted: usize) -> anyhow::Result<Crowd> {
    if let Some(path) = &args.prepared {
        let text = std::fs::read(path).with_context(|| path.display().to_string())?;
        let prepared: Prepared = serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
        let default = || DEFAULT_BASE_URL.parse().map_err(anyhow::Error::msg);
        return Ok(Crowd {
            buyers: prepared.buyers.into_iter().map(Simulated::from).collect(),
            base_url: args.base_url.clone().map_or_else(default, Ok)?,
            deal: prepared.deals.first().copied(),
        });
    }
    let config = args.settings.load_sections(&SECTIONS)?;
    let bar = ProgressBar::new(count(wanted)).with_style(style::bar()).with_message("buyers");
    let report = |created: usize| bar.set_position(count(created));
    let buyers = people::simulate(&startup::store(&config)?, wanted, report).await?;
    bar.finish_and_clear();
    Ok(Crowd { buyers, base_url: args.base_url.clone().unwrap_or(config.server.base_url), deal: None })
}

async fn play(client: &Client, buyers: Vec<Simulated>, replay: &Replay) -> anyhow::Result<ExitCode> {
    let bar = ProgressBar::new(count(replay.schedule.joins() + replay.schedule.leaves())).with_style(style::bar());
    bar.enable_steady_tick(REDRAW_EVERY);
    let report_progress = |tally: &Tally| {
        bar.set_position((tally.attempted + tally.leaving).into());
        bar.set_message(format!(
            "requests: {} joined, {} left, {} refused, {} retried",
            tally.joined,
            tally.left,
            tally.refusals() + tally.leave_refusals(),
            tally.retried()
        ));
    };
    let report = crowd::replay(client, buyers, replay, &Shutdown::on_signals()?, report_progress).await;
    bar.finish_and_clear();
    let report = report?;
    println!("\nReplayed on deal {} in {:.1?}.\n\n{report}", replay.deal, report.took);
    Ok(if report.disagreements().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
