//! Deletes sessions that expired over a day ago.

use std::time::Duration;

use crate::app::shutdown::Shutdown;
use crate::people::forget_ended_sessions;
use crate::store::Store;

/// An expired session is rejected whether or not it is still stored, so the period only bounds the size of the table.
const EVERY: Duration = Duration::from_hours(1);

pub(super) async fn run(store: Store, shutdown: Shutdown) {
    while !shutdown.has_begun() {
        match forget_ended_sessions(&store).await {
            Ok(0) => {}
            Ok(sessions) => tracing::info!(sessions, "deleted expired sessions"),
            Err(error) => tracing::warn!(%error, "cannot delete expired sessions; will retry"),
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = shutdown.begun() => {}
        }
    }
}
