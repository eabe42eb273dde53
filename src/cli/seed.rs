//! `muster seed`: creates sample deals in every state.

use std::time::Duration;

use anyhow::Context;
use muster::app::startup;
use muster::clock::Clock;
use muster::dev::seed::{DEMO_BUYER, DEMO_MERCHANT, Seeder};
use muster::people::Auth;

use super::settings::SettingsArgs;

/// Arguments of `muster seed`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
}

/// Creates missing sample deals, and prints the demo accounts and the showcase deals.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let config = args.settings.load()?;
    let base_url = config.server.base_url.as_str().trim_end_matches('/');
    anyhow::ensure!(
        !base_url.starts_with("https:"),
        "refusing to seed {base_url}: an https server looks like production, and the demo accounts have a public password"
    );
    let (engine, store, _quota) = startup::engine(&config).await?;
    engine.catch_up_now().await.context("cannot bring Redis up to date")?;
    let auth = Auth::new(store.clone(), Clock::new(), &config.security)?;
    let seeder = Seeder { engine: &engine, store: &store, auth: &auth, report };
    let done = seeder.seed().await?;
    engine.drain().await;
    println!("\nCreated {} sample deals; {} already existed.", done.created.len(), done.existing.len());
    for (kind, demo) in [("buyer", DEMO_BUYER), ("merchant", DEMO_MERCHANT)] {
        println!("Sign in as the {kind} {} with the password {}", demo.email, demo.password);
    }
    for deal in done.showcase {
        println!("Close to tipping: {base_url}/deals/{deal}");
    }
    Ok(())
}

/// Prints a completed step and how long it took.
fn report(what: &str, took: Duration) {
    println!("  {what:<48} {:>6.2} s", took.as_secs_f64());
}
