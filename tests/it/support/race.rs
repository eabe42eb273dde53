//! Concurrent tasks.

use std::future::Future;

use tokio::task::JoinSet;

/// Runs each future in a task of its own, all concurrently. Returns their outputs in no particular order.
pub async fn run_concurrently<T: Send + 'static>(
    racers: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let racers: JoinSet<T> = racers.into_iter().collect();
    racers.join_all().await
}
