//! `muster reconcile`: Redis again from Postgres, by hand. Nodes do it by themselves every two seconds.

use anyhow::Context;
use muster::engine::Catching;
use muster::startup;

use super::settings::SettingsArgs;

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
    let (engine, ledger, _quota) = startup::engine(&args.settings.load()?).await?;
    if args.new_epoch {
        println!("Epoch {} begins.", ledger.begin_epoch().await?);
    }
    engine.catch_up_now().await.context("catching up")?;
    let done = engine.reconcile(None, Catching::Everything).await.context("reconciling")?;
    println!("{} deals looked at, {} of them are in Redis, {} repaired.", done.looked_at, done.loaded, done.repaired);
    Ok(())
}
