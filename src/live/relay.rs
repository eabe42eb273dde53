//! Feeds the hub with events from the bus, and with figures that it reads from the database every second or two.
//!
//! The bus may lose, repeat or reorder events, or be unreachable. Counts are then late by at most one resync interval.
//!
//! The relay names neither Redis nor Postgres. Startup passes it a stream of events and a function that reads figures.

use std::fmt::Display;
use std::future::{Future, ready};
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::hub::Hub;
use crate::domain::{DealId, Progress};

/// Maximum deals in one read.
const READ_BATCH_MAX: usize = 500;
/// A read that takes longer is abandoned. The next resync tries again.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// An event from the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BusEvent {
    /// New figures of a deal.
    Figures(Progress),
    /// Events may have been missed: the connection to the bus was lost, or has just been established.
    Gap,
}

/// Runs everything that the hub needs: bus events, resyncs, scheduled frames and the supervision of sockets. Never
/// returns; drop the future to stop it.
///
/// `bus` yields figures as they change, in any order. If it ends, figures come from `read` alone. `read` returns the
/// present figures of those deals that exist.
pub async fn run<B, R, F, E>(hub: Hub, bus: B, read: R)
where
    B: Stream<Item = BusEvent>,
    R: Fn(Vec<DealId>) -> F,
    F: Future<Output = Result<Vec<Progress>, E>>,
    E: Display,
{
    let gap = Notify::new();
    let receive = bus.for_each(|event| {
        match event {
            BusEvent::Figures(progress) => hub.offer(progress),
            BusEvent::Gap => gap.notify_one(),
        }
        ready(())
    });
    tokio::join!(receive, resync(&hub, read, &gap), hub.run_schedule(), hub.sockets().supervise());
}

/// Reads the watched deals periodically and after a gap, and newly watched deals immediately.
async fn resync<R, F, E>(hub: &Hub, read: R, gap: &Notify)
where
    R: Fn(Vec<DealId>) -> F,
    F: Future<Output = Result<Vec<Progress>, E>>,
    E: Display,
{
    let mut ticks = interval(hub.config().resync_every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watched = hub.watched();
    loop {
        let deals = tokio::select! {
            _ = ticks.tick() => watched.borrow().iter().copied().collect(),
            () = gap.notified() => watched.borrow().iter().copied().collect(),
            // Cannot fail: the hub owns the sender.
            Ok(()) = watched.changed() => hub.newly_watched(),
        };
        for deals in deals.chunks(READ_BATCH_MAX) {
            refresh(hub, &read, deals).await;
        }
    }
}

/// Reads the figures of these deals and offers them to the hub.
async fn refresh<R, F, E>(hub: &Hub, read: &R, deals: &[DealId])
where
    R: Fn(Vec<DealId>) -> F,
    F: Future<Output = Result<Vec<Progress>, E>>,
    E: Display,
{
    match timeout(READ_TIMEOUT, read(deals.to_vec())).await {
        Ok(Ok(figures)) => figures.into_iter().for_each(|progress| hub.offer(progress)),
        Ok(Err(error)) => tracing::warn!(%error, deals = deals.len(), "cannot read the watched deals"),
        Err(_elapsed) => tracing::warn!(deals = deals.len(), "reading the watched deals timed out"),
    }
}
