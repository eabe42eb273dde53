//! Closes deals whose window is over.

use std::time::Duration;

use crate::app::shutdown::Shutdown;
use crate::engine::Engine;

pub(super) async fn run(engine: Engine, every: Duration, shutdown: Shutdown) {
    while !shutdown.has_begun() {
        if let Err(error) = engine.close_due().await {
            tracing::warn!(%error, "cannot close deals; will retry");
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = shutdown.begun() => {}
        }
    }
}
