//! Brings the live counts and their sources together: the bus in Redis, and Postgres for what the bus lost.

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use crate::domain::DealId;
use crate::live::{Hub, News, relay};
use crate::quota::{Quota, bus::Heard};
use crate::store::Store;

/// Messages on their way from the bus to the hub, which only keeps the newest of each deal.
const ON_THE_WAY: usize = 1_024;

/// Runs until it is aborted.
pub(super) fn run(hub: Hub, quota: Quota, store: Store) -> JoinHandle<()> {
    let (tell, heard) = mpsc::channel(ON_THE_WAY);
    let news = ReceiverStream::new(heard).map(|heard| match heard {
        Heard::Figures(progress) => News::Figures(progress),
        Heard::Gap => News::Gap,
    });
    tokio::spawn(async move {
        let read = |deals: Vec<DealId>| {
            let store = store.clone();
            async move { store.progress_of(&deals).await }
        };
        tokio::join!(quota.listen(hub.watched(), tell), relay::run(hub, news, read));
    })
}
