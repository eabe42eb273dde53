//! Applies committed changes to Redis, many at a time and in any order.

use futures_util::future::join_all;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::quota::{Change, Quota};

/// The most changes sent to Redis at the same time.
const MOST: usize = 256;

/// Runs until the committer is gone.
pub(super) async fn run(mut committed: mpsc::Receiver<Change>, quota: Quota) {
    let mut changes = Vec::with_capacity(MOST);
    while committed.recv_many(&mut changes, MOST).await > 0 {
        let began = Instant::now();
        // Changes are absolute, so their order does not matter. If Redis is unavailable, the reconciler applies them
        // later.
        drop(join_all(changes.iter().map(|change| quota.apply(change))).await);
        metrics::histogram!("muster_apply_seconds").record(began.elapsed());
        changes.clear();
    }
}
