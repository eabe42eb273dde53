//! Keeps Redis equal to Postgres: catches a new connection up before it admits, and looks for stragglers.

use std::time::Duration;

use crate::engine::{Catching, Engine};
use crate::shutdown::Shutdown;

/// Between two attempts to catch up while Postgres is away, too.
const RETRY: Duration = Duration::from_millis(250);

pub(super) async fn run(engine: Engine, every: Duration, window: Duration, shutdown: Shutdown) {
    tokio::join!(catch_up(&engine, &shutdown), look_for_stragglers(&engine, every, window, &shutdown));
}

async fn catch_up(engine: &Engine, shutdown: &Shutdown) {
    while !shutdown.has_begun() {
        let caught_up = tokio::select! {
            caught_up = engine.catch_up() => caught_up,
            () = shutdown.begun() => return,
        };
        if let Err(error) = caught_up {
            tracing::warn!(%error, "Redis could not be caught up; trying again");
            tokio::time::sleep(RETRY).await;
        }
    }
}

async fn look_for_stragglers(engine: &Engine, every: Duration, window: Duration, shutdown: &Shutdown) {
    while !shutdown.has_begun() {
        if let Err(error) = engine.reconcile(Some(window), Catching::Stragglers).await {
            tracing::warn!(%error, "reconciling failed; trying again");
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = shutdown.begun() => {}
        }
    }
}
