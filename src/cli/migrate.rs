//! `muster migrate`: the schema and the SQL functions.

use muster::app::startup;

use super::settings::SettingsArgs;

/// Arguments of `muster migrate`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
    /// Put back this version's SQL functions, even if the database has newer ones: after rolling back to this version
    #[arg(long)]
    functions: bool,
}

/// Brings the database up to date, as the owner of the tables. Concurrent migrations wait for each other.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let store = startup::store(&args.settings.load()?)?;
    if args.functions {
        store.restore_functions().await?;
        println!("The schema is up to date, and the SQL functions are those of this version.");
    } else {
        store.migrate().await?;
        println!("The schema and the SQL functions are up to date.");
    }
    Ok(())
}
