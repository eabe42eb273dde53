//! Brings the live counts and their sources together: the bus in Redis, and Postgres for what the bus lost.

use std::collections::HashSet;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use crate::domain::DealId;
use crate::ledger::Ledger;
use crate::live::{Hub, News, relay};
use crate::quota::{Quota, bus::Heard};

/// Messages on their way from the bus to the hub, which only keeps the newest of each deal.
const ON_THE_WAY: usize = 1_024;

/// Runs until it is aborted.
pub(super) fn run(hub: Hub, quota: Quota, ledger: Ledger) -> JoinHandle<()> {
    let (wanted, wants) = watch::channel(HashSet::new());
    let (tell, heard) = mpsc::channel(ON_THE_WAY);
    let news = ReceiverStream::new(heard).map(|heard| match heard {
        Heard::Figures(progress) => News::Figures(progress),
        Heard::Gap => News::Gap,
    });
    tokio::spawn(async move {
        let read = |deals: Vec<DealId>| {
            let ledger = ledger.clone();
            async move { ledger.progress_of(&deals).await }
        };
        tokio::join!(quota.listen(wants, tell), want(hub.clone(), wanted), relay::run(hub, news, read));
    })
}

/// Keeps the bus subscribed to what is watched.
async fn want(hub: Hub, wanted: watch::Sender<HashSet<DealId>>) {
    let mut changes = hub.watched_changes();
    loop {
        wanted.send_replace(hub.watched().into_iter().collect());
        if changes.changed().await.is_err() {
            return;
        }
    }
}
