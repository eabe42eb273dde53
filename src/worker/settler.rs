//! Issues coupons: as soon as a deal tips or somebody joins a tipped deal, and periodically for signups that another
//! node left unsettled.

use std::time::Duration;

use crate::app::shutdown::Shutdown;
use crate::engine::Engine;

pub(super) async fn run(engine: Engine, every: Duration, chunk: u32, shutdown: Shutdown) {
    while !shutdown.has_begun() {
        match engine.settle(chunk).await {
            Ok(0) => {}
            Ok(coupons) => tracing::info!(coupons, "issued coupons"),
            Err(error) => tracing::warn!(%error, "cannot issue coupons; will retry"),
        }
        tokio::select! {
            () = engine.wait_to_settle(every) => {}
            () = shutdown.begun() => {}
        }
    }
}
