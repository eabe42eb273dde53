//! `muster loadtest prepare`: creates the deals and buyers of a load test.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use anyhow::Context;
use chrono::TimeDelta;
use clap::Subcommand;
use indicatif::ProgressBar;
use muster::app::startup;
use muster::dev::load::{self, LoadSpec};

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
    /// Create open deals and buyers with tokens, and write their ids and tokens to a file
    Prepare(PrepareArgs),
}

/// Arguments of `muster loadtest prepare`.
#[derive(clap::Args)]
struct PrepareArgs {
    #[command(flatten)]
    settings: SettingsArgs,
    /// JSON file to write: {"merchant": {"id", "token"}, "deals": [id], "buyers": [{"id", "token"}]}
    #[arg(long, value_name = "FILE", default_value = "target/loadtest.json")]
    out: PathBuf,
    /// Number of buyers, each with a token
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    buyers: usize,
    /// Number of deals, all with the same terms
    #[arg(long, value_name = "N", default_value_t = 1)]
    deals: usize,
    /// Maximum units that each deal sells [default: unlimited]
    #[arg(long, value_name = "N")]
    cap: Option<u32>,
    /// Number of buyers at which each deal tips
    #[arg(long, value_name = "N", default_value_t = 100)]
    tipping_point: u32,
    /// Maximum units per buyer and deal
    #[arg(long, value_name = "N", default_value_t = 1)]
    per_buyer_max: u32,
    /// Minutes until the deals close
    #[arg(long, value_name = "N", default_value_t = 60)]
    open_minutes: u32,
}

/// Runs the subcommand.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let Command::Prepare(args) = args.command;
    let (engine, store, _quota) = startup::engine(&args.settings.load()?).await?;
    store.migrate().await?;
    let bar = ProgressBar::new(args.buyers as u64).with_style(style::bar());
    bar.set_message("buyers");
    let spec = LoadSpec {
        buyers: args.buyers,
        deals: args.deals,
        cap: args.cap,
        tipping_point: args.tipping_point,
        per_buyer_max: args.per_buyer_max,
        open_for: TimeDelta::minutes(args.open_minutes.into()),
    };
    let prepared = load::prepare(&engine, &store, spec, |created| bar.set_position(created as u64)).await?;
    bar.finish();

    let out = &args.out;
    // The file holds tokens, so only its owner may read it.
    let file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(out);
    let mut file = BufWriter::new(file.with_context(|| format!("cannot write {}", out.display()))?);
    serde_json::to_writer(&mut file, &prepared)?;
    file.flush()?;
    println!("Wrote {} deals and {} buyers to {}", prepared.deals.len(), prepared.buyers.len(), out.display());
    Ok(())
}
