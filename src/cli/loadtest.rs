//! `muster loadtest prepare`: what a load test begins with.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use anyhow::Context;
use chrono::TimeDelta;
use clap::Subcommand;
use indicatif::ProgressBar;
use muster::dev::load::{self, Wish};
use muster::startup;

use super::settings::SettingsArgs;
use super::style;

/// Arguments of `muster loadtest`.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make deals, and accounts with tokens, and write them to a file for k6
    Prepare(PrepareArgs),
}

/// Arguments of `muster loadtest prepare`.
#[derive(clap::Args)]
struct PrepareArgs {
    #[command(flatten)]
    settings: SettingsArgs,
    /// Where ids and tokens go, as JSON: {"merchant": {"id", "token"}, "deals": [id], "buyers": [{"id", "token"}]}
    #[arg(long, value_name = "FILE", default_value = "target/loadtest.json")]
    out: PathBuf,
    /// How many buyers with tokens
    #[arg(long, default_value_t = 1_000)]
    buyers: usize,
    /// How many deals, all alike
    #[arg(long, default_value_t = 1)]
    deals: usize,
    /// The most units that each deal sells (otherwise unlimited)
    #[arg(long)]
    cap: Option<u32>,
    /// Buyers that make each deal happen
    #[arg(long, default_value_t = 100)]
    tipping_point: u32,
    /// The most units of one buyer in one deal
    #[arg(long, default_value_t = 1)]
    per_buyer_max: u32,
    /// How long the deals are open
    #[arg(long, default_value_t = 60)]
    open_minutes: u32,
}

/// Runs the subcommand.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let Command::Prepare(args) = args.command;
    let (engine, store, _quota) = startup::engine(&args.settings.load()?).await?;
    store.migrate().await?;
    let bar = ProgressBar::new(args.buyers as u64).with_style(style::bar());
    bar.set_message("buyers");
    let wish = Wish {
        buyers: args.buyers,
        deals: args.deals,
        cap: args.cap,
        tipping_point: args.tipping_point,
        per_buyer_max: args.per_buyer_max,
        open_for: TimeDelta::minutes(args.open_minutes.into()),
    };
    let prepared = load::prepare(&engine, &store, wish, |made| bar.set_position(made as u64)).await?;
    bar.finish();

    let out = &args.out;
    // Tokens are secrets.
    let file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(out);
    let mut file = BufWriter::new(file.with_context(|| format!("{} cannot be written", out.display()))?);
    serde_json::to_writer(&mut file, &prepared)?;
    file.flush()?;
    println!("{} deals and {} buyers are in {}", prepared.deals.len(), prepared.buyers.len(), out.display());
    Ok(())
}
