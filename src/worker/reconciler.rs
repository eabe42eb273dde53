//! Keeps Redis consistent with Postgres. Over each new connection it applies every missed change before Redis may admit
//! joins. It also repairs drifted deals periodically.

use std::time::Duration;

use crate::app::shutdown::Shutdown;
use crate::engine::{Catching, Engine};

/// The pause between two attempts while Redis or Postgres is unavailable.
const RETRY: Duration = Duration::from_millis(250);

pub(super) async fn run(engine: Engine, every: Duration, window: Duration, shutdown: Shutdown) {
    tokio::join!(catch_up(&engine, &shutdown), repair_stragglers(&engine, every, window, &shutdown));
}

async fn catch_up(engine: &Engine, shutdown: &Shutdown) {
    while !shutdown.has_begun() {
        let caught_up = tokio::select! {
            caught_up = engine.catch_up() => caught_up,
            () = shutdown.begun() => return,
        };
        if let Err(error) = caught_up {
            tracing::warn!(%error, "cannot bring Redis up to date; will retry");
            tokio::time::sleep(RETRY).await;
        }
    }
}

async fn repair_stragglers(engine: &Engine, every: Duration, window: Duration, shutdown: &Shutdown) {
    while !shutdown.has_begun() {
        if let Err(error) = engine.reconcile(Some(window), Catching::Stragglers).await {
            tracing::warn!(%error, "cannot reconcile deals; will retry");
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = shutdown.begun() => {}
        }
    }
}
