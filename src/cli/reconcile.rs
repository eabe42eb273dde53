//! `muster reconcile`: Redis again from Postgres, by hand. Nodes repair by themselves every two seconds, and load a deal when
//! somebody joins it.

use std::time::Duration;

use indicatif::ProgressBar;
use muster::engine::RebuildStep;
use muster::startup;

use super::settings::SettingsArgs;
use super::style;

/// Arguments of `muster reconcile`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
    /// Begin a new epoch first: after Postgres was restored from a snapshot, so that its older figures win over newer
    /// ones that nodes, browsers and Redis still have
    #[arg(long)]
    new_epoch: bool,
}

/// Tells Redis everything that Postgres knows.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let (engine, store, _quota) = startup::engine(&args.settings.load()?).await?;
    if args.new_epoch {
        println!("Epoch {} begins.", store.begin_epoch().await?);
    }
    let bar = ProgressBar::new(0).with_style(style::bar());
    bar.enable_steady_tick(Duration::from_millis(200));
    let rebuilt = engine.rebuild(|step| {
        let (what, done, total) = match step {
            RebuildStep::Compared { done, total } => ("deals compared", done, total),
            RebuildStep::Loaded { done, total } => ("deals loaded", done, total),
        };
        bar.set_message(what);
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    });
    let rebuilt = rebuilt.await;
    bar.finish_and_clear();
    let done = rebuilt?;
    let (compared, repaired, loaded) = (done.looked_at, done.repaired, done.loaded);
    println!("Deals compared: {compared}. Repaired: {repaired}. Open to join, and in Redis: {loaded}.");
    Ok(())
}
