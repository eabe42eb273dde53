//! Applies committed changes to Redis, concurrently and in any order.

use futures_util::future::join_all;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::quota::{Change, Quota};

/// The maximum number of changes applied concurrently.
const CONCURRENT_MAX: usize = 256;

/// Runs until the committer has stopped.
pub(super) async fn run(mut committed: mpsc::Receiver<Change>, quota: Quota) {
    let mut changes = Vec::with_capacity(CONCURRENT_MAX);
    while committed.recv_many(&mut changes, CONCURRENT_MAX).await > 0 {
        let began = Instant::now();
        // Changes are absolute, so their order does not matter. The reconciler applies those that fail.
        drop(join_all(changes.iter().map(|change| quota.apply(change))).await);
        metrics::histogram!("muster_apply_seconds").record(began.elapsed());
        changes.clear();
    }
}
