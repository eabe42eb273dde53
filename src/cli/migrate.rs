//! `muster migrate`: the schema.

use muster::startup;

use super::settings::SettingsArgs;

/// Arguments of `muster migrate`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
}

/// Brings the schema up to date. Nodes do so too when they start; several at once wait for each other.
pub async fn run(args: Args) -> anyhow::Result<()> {
    startup::store(&args.settings.load()?)?.migrate().await?;
    println!("The schema is up to date.");
    Ok(())
}
