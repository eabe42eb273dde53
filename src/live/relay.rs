//! What keeps the hub right: news from the bus, and a look at the truth every second or two.
//!
//! The bus may lose, repeat and reorder, or be away altogether; then counts are late by at most one look. The relay
//! knows neither the bus nor the database: startup gives it a stream and a way to read figures.

use std::fmt::Display;
use std::future::{Future, ready};
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::hub::Hub;
use crate::domain::{DealId, Progress};

/// Deals that are read in one call.
const READ_MAX: usize = 500;
/// A read that takes longer is given up; the next one may be luckier.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// What the bus says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// The figures of a deal.
    Figures(Progress),
    /// Something may have been missed: the connection was lost, or has just been made.
    Gap,
}

/// Runs everything that the hub needs: the bus, the looks at the truth, the pace of frames, the watch over sockets. Never
/// returns; drop it to stop.
///
/// `bus` brings figures as they change, in any order; if it ends, they come from `read` alone, which answers the present
/// figures of those deals that exist.
pub async fn run<B, R, F, E>(hub: Hub, bus: B, read: R)
where
    B: Stream<Item = News>,
    R: Fn(Vec<DealId>) -> F,
    F: Future<Output = Result<Vec<Progress>, E>>,
    E: Display,
{
    let gap = Notify::new();
    let hear = bus.for_each(|news| {
        match news {
            News::Figures(progress) => hub.offer(progress),
            News::Gap => gap.notify_one(),
        }
        ready(())
    });
    tokio::join!(hear, resync(&hub, read, &gap), hub.keep_pace(), hub.sockets().watch_over());
}

async fn resync<R, F, E>(hub: &Hub, read: R, gap: &Notify)
where
    R: Fn(Vec<DealId>) -> F,
    F: Future<Output = Result<Vec<Progress>, E>>,
    E: Display,
{
    let mut rounds = interval(hub.config().resync_every);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watched = hub.watched();
    loop {
        let deals = tokio::select! {
            _ = rounds.tick() => watched.borrow().iter().copied().collect(),
            () = gap.notified() => watched.borrow().iter().copied().collect(),
            // The hub holds the sender, so this fails only when there is no hub left to serve.
            Ok(()) = watched.changed() => hub.newly_watched(),
        };
        for deals in deals.chunks(READ_MAX) {
            look(hub, &read, deals).await;
        }
    }
}

async fn look<R, F, E>(hub: &Hub, read: &R, deals: &[DealId])
where
    R: Fn(Vec<DealId>) -> F,
    F: Future<Output = Result<Vec<Progress>, E>>,
    E: Display,
{
    match timeout(READ_TIMEOUT, read(deals.to_vec())).await {
        Ok(Ok(figures)) => figures.into_iter().for_each(|progress| hub.offer(progress)),
        Ok(Err(error)) => tracing::warn!(%error, deals = deals.len(), "watched deals could not be read"),
        Err(_elapsed) => tracing::warn!(deals = deals.len(), "watched deals were not read in time"),
    }
}
