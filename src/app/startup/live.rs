//! Connects the live feed to its sources: the bus in Redis, and Postgres for events that the bus lost.

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use crate::domain::DealId;
use crate::live::{BusEvent, Hub, relay};
use crate::quota::{Quota, bus::Heard};
use crate::store::Store;

/// Maximum bus events waiting for the hub.
const BUS_QUEUE_MAX: usize = 1_024;

/// Starts the task that listens to the bus and runs the relay. It runs until it is aborted.
pub(super) fn run(hub: Hub, quota: Quota, store: Store) -> JoinHandle<()> {
    let (sender, receiver) = mpsc::channel(BUS_QUEUE_MAX);
    let events = ReceiverStream::new(receiver).map(|event| match event {
        Heard::Figures(progress) => BusEvent::Figures(progress),
        Heard::Gap => BusEvent::Gap,
    });
    tokio::spawn(async move {
        let read = |deals: Vec<DealId>| {
            let store = store.clone();
            async move { store.progress_of(&deals).await }
        };
        tokio::join!(quota.listen(hub.watched(), sender), relay::run(hub, events, read));
    })
}
