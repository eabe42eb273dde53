//! Many things at once.

use std::future::Future;

use tokio::task::JoinSet;

/// Runs these at the same time, each in a task of its own; what they came to, in no order.
pub async fn at_once<T: Send + 'static>(
    racers: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let racers: JoinSet<T> = racers.into_iter().collect();
    racers.join_all().await
}
