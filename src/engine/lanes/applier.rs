//! Telling Redis what was committed, in the order in which it was; changes of different deals at the same time.

use futures_util::future::join_all;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::quota::{Change, Quota};

/// Changes told in one go.
const MOST: usize = 256;

/// Runs until nothing can be committed any more.
pub(super) async fn run(mut committed: mpsc::Receiver<Change>, quota: Quota) {
    let mut changes = Vec::with_capacity(MOST);
    while committed.recv_many(&mut changes, MOST).await > 0 {
        let began = Instant::now();
        // Absolute, so that their order does not matter. Without Redis there is nobody to tell: reconciling makes up for it.
        drop(join_all(changes.iter().map(|change| quota.apply(change))).await);
        metrics::histogram!("muster_apply_seconds").record(began.elapsed());
        changes.clear();
    }
}
