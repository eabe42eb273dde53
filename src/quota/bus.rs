//! The live bus: receives the messages that `lua/apply.lua` publishes, over a separate connection.
//!
//! Messages may be lost, duplicated or reordered. Their figures are absolute, so the receiver keeps the newest. This
//! module keeps the subscriptions equal to the wanted deals. It reports each new connection, so that the receiver can
//! read the figures again.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::{PubSub, PubSubSink};
use redis::{Client, RedisError};
use secrecy::ExposeSecret;
use tokio::sync::{mpsc, watch};

use super::Quota;
use crate::domain::{DealId, Progress};

/// An event on the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The figures of a deal.
    Figures(Progress),
    /// A new connection begins. Earlier messages may have been missed.
    Gap,
}

/// The delay between attempts to connect.
const WAIT: Duration = Duration::from_millis(250);

impl Quota {
    /// Subscribes to the wanted deals and sends their messages to `heard`. Returns when the sender of `wanted` or the
    /// receiver of `heard` is dropped.
    pub async fn listen(&self, mut wanted: watch::Receiver<HashSet<DealId>>, heard: mpsc::Sender<Heard>) {
        let Ok(client) = Client::open(self.settings.url.expose_secret()) else { return };
        loop {
            match self.listen_once(&client, &mut wanted, &heard).await {
                Ok(()) => return,
                Err(error) => tracing::debug!(%error, "the live bus is disconnected"),
            }
            tokio::time::sleep(WAIT).await;
        }
    }

    async fn listen_once(
        &self,
        client: &Client,
        wanted: &mut watch::Receiver<HashSet<DealId>>,
        heard: &mpsc::Sender<Heard>,
    ) -> Result<(), RedisError> {
        let bus: PubSub = tokio::time::timeout(self.settings.connect_timeout, client.get_async_pubsub())
            .await
            .map_err(|_| RedisError::from((redis::ErrorKind::Io, "connecting took too long")))??;
        let (mut sink, mut messages) = bus.split();
        let mut subscribed = HashSet::new();
        wanted.mark_changed();
        if heard.send(Heard::Gap).await.is_err() {
            return Ok(());
        }
        loop {
            tokio::select! {
                changed = wanted.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    let now = wanted.borrow_and_update().clone();
                    self.subscribe(&mut sink, &subscribed, &now).await?;
                    subscribed = now;
                }
                message = messages.next() => {
                    let Some(message) = message else {
                        return Err(RedisError::from((redis::ErrorKind::Io, "the connection ended")));
                    };
                    match serde_json::from_slice::<Progress>(message.get_payload_bytes()) {
                        Ok(progress) => if heard.send(Heard::Figures(progress)).await.is_err() { return Ok(()) },
                        Err(error) => tracing::warn!(%error, "cannot parse a message on the live bus"),
                    }
                }
            }
        }
    }

    async fn subscribe(
        &self,
        sink: &mut PubSubSink,
        was: &HashSet<DealId>,
        now: &HashSet<DealId>,
    ) -> Result<(), RedisError> {
        let channels = |deals: Vec<&DealId>| deals.into_iter().map(|deal| self.keys.channel(*deal)).collect::<Vec<_>>();
        let (more, fewer) = (channels(now.difference(was).collect()), channels(was.difference(now).collect()));
        if !more.is_empty() {
            sink.subscribe(more).await?;
        }
        if !fewer.is_empty() {
            sink.unsubscribe(fewer).await?;
        }
        Ok(())
    }
}
