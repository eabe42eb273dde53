//! Measures how far behind the workers of all nodes are, for `/metrics`.

use std::time::Duration;

use metrics::gauge;

use crate::app::shutdown::Shutdown;
use crate::store::{Store, StoreError};

/// The period, which is short enough for alerts that fire after minutes.
const EVERY: Duration = Duration::from_secs(5);

pub(super) async fn run(store: Store, shutdown: Shutdown) {
    while !shutdown.has_begun() {
        if let Err(error) = observe(&store).await {
            tracing::debug!(%error, "cannot measure how far behind the workers are");
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = shutdown.begun() => {}
        }
    }
}

/// Measures once and updates the gauges.
///
/// # Errors
/// Postgres is unavailable. The gauge `muster_postgres_up` is 0.
pub async fn observe(store: &Store) -> Result<(), StoreError> {
    let seen = store.lag().await;
    gauge!("muster_postgres_up").set(u32::from(seen.is_ok()));
    let lag = seen?;
    gauge!("muster_settle_lag_seconds").set(lag.settle_s);
    gauge!("muster_close_lag_seconds").set(lag.close_s);
    gauge!("muster_outbox_lag_seconds").set(lag.outbox_s);
    gauge!("muster_outbox_due").set(count(lag.outbox_due));
    gauge!("muster_outbox_parked").set(count(lag.outbox_parked));
    gauge!("muster_postgres_longest_transaction_seconds").set(lag.longest_transaction_s);
    gauge!("muster_postgres_connections").set(count(lag.connections));
    Ok(())
}

fn count(rows: i64) -> u32 {
    u32::try_from(rows).unwrap_or(u32::MAX)
}
