//! Throws away what nobody needs any more: sessions that ended long ago.

use std::time::Duration;

use crate::shutdown::Shutdown;
use crate::store::Store;

/// Nothing depends on it: an ended session counts for nothing while it is still there.
const EVERY: Duration = Duration::from_hours(1);

pub(super) async fn run(store: Store, shutdown: Shutdown) {
    while !shutdown.has_begun() {
        match store.forget_ended_sessions().await {
            Ok(0) => {}
            Ok(sessions) => tracing::info!(sessions, "ended sessions were forgotten"),
            Err(error) => tracing::warn!(%error, "forgetting ended sessions failed; trying again"),
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = shutdown.begun() => {}
        }
    }
}
