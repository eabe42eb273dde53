//! `muster reconcile`: repairs Redis from Postgres on demand.
//!
//! Running nodes do not need it: they compare recently changed deals with Redis every two seconds, and load a missing
//! deal on its next join.

use std::time::Duration;

use indicatif::ProgressBar;
use muster::app::startup;
use muster::engine::ReconcileStep;

use super::settings::SettingsArgs;
use super::style;

/// Arguments of `muster reconcile`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
    /// Start a new epoch first. Use it after restoring Postgres from a backup, so that the restored counts replace the
    /// newer ones that Redis, nodes and browsers still hold
    #[arg(long)]
    new_epoch: bool,
}

/// Compares every live deal in Redis with Postgres, repairs differences, and loads all open deals.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let (engine, store, _quota) = startup::engine(&args.settings.load()?).await?;
    if args.new_epoch {
        println!("Started epoch {}.", store.begin_epoch().await?);
    }
    let bar = ProgressBar::new(0).with_style(style::bar());
    bar.enable_steady_tick(Duration::from_millis(200));
    let reconciled = engine.reconcile_all(|step| {
        let (what, done, total) = match step {
            ReconcileStep::Compared { done, total } => ("deals compared", done, total),
            ReconcileStep::Loaded { done, total } => ("deals loaded", done, total),
        };
        bar.set_message(what);
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    });
    let reconciled = reconciled.await;
    bar.finish_and_clear();
    let reconciled = reconciled?;
    let (compared, repaired, loaded) = (reconciled.looked_at, reconciled.repaired, reconciled.loaded);
    println!("Deals compared: {compared}. Repaired: {repaired}. Open deals in Redis: {loaded}.");
    Ok(())
}
