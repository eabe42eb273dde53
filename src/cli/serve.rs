//! `muster serve`: runs one node.

use muster::app::shutdown::Shutdown;
use muster::app::startup::{self, Start};
use muster::telemetry;

use super::settings::SettingsArgs;

/// Arguments of `muster serve`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    settings: SettingsArgs,
}

/// Serves requests until SIGTERM or SIGINT.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let config = args.settings.load()?;
    let metrics = Some(telemetry::record_metrics()?);
    let shutdown = Shutdown::on_signals()?;
    let base_url = config.server.base_url.clone();
    let running = startup::start(Start { config, shutdown, workers: true, metrics }).await?;
    tracing::info!(address = %running.address, %base_url, "serving");
    running.ended().await
}
