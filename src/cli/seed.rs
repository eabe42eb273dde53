//! `muster seed`: sample deals in every state.

use std::time::Duration;

use anyhow::Context;
use muster::auth::Auth;
use muster::clock::Clock;
use muster::dev::seed::{DEMO_BUYER, DEMO_MERCHANT, Seeder};
use muster::startup;

use super::settings::SettingsArgs;

/// Arguments of `muster seed`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
}

/// Makes the sample deals that are not there, and tells where to look.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let config = args.settings.load()?;
    let base_url = config.server.base_url.as_str().trim_end_matches('/');
    anyhow::ensure!(
        !base_url.starts_with("https:"),
        "{base_url} is for real people: sample deals, and accounts whose password everybody knows, do not belong there"
    );
    let (engine, store, _quota) = startup::engine(&config).await?;
    engine.catch_up_now().await.context("catching up")?;
    let auth = Auth::new(store.clone(), Clock::new(), &config.security)?;
    let seeder = Seeder { engine: &engine, store: &store, auth: &auth, report };
    let done = seeder.seed().await?;
    engine.drain().await;
    println!("\n{} sample deals were made, {} were there.", done.made.len(), done.found.len());
    for demo in [DEMO_BUYER, DEMO_MERCHANT] {
        println!("Sign in as {} {} with the password {}", demo.role.as_str(), demo.email, demo.password);
    }
    for deal in done.showcase {
        println!("Waiting for a crowd: {base_url}/deals/{deal}");
    }
    Ok(())
}

/// Prints what was made and what it took.
fn report(what: &str, took: Duration) {
    println!("  {what:<48} {:>6.2} s", took.as_secs_f64());
}
