//! Delivers what people must hear of.

use std::time::Duration;

use super::mail::Mailer;
use crate::engine::Engine;
use crate::failpoint;
use crate::shutdown::Shutdown;
use crate::store::{Store, StoreError};
use std::sync::Arc;

/// Buyers that one call expands an event by.
const EXPAND_CHUNK: u32 = 500;

pub(super) async fn run(
    engine: Engine,
    store: Store,
    mailer: Arc<Mailer>,
    every: Duration,
    chunk: u32,
    shutdown: Shutdown,
) {
    while !shutdown.has_begun() {
        match deliver_due(&store, &mailer, chunk).await {
            Ok(done) if goes_on_at_once(done, engine.has_many_to_settle()) => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the outbox could not be worked through; trying again"),
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = shutdown.begun() => {}
        }
    }
}

/// Where there was something there may be more. But coupons come first: what Postgres does for the mails about the first of them
/// would keep the others waiting. A chunk goes out each time all the same.
fn goes_on_at_once(done: usize, many_to_settle: bool) -> bool {
    done > 0 && !many_to_settle
}

/// Expands one due event and delivers up to `chunk` due messages. Answers how much there was to do.
///
/// # Errors
/// Postgres is away. What was sent but could not be reported is sent again.
pub async fn deliver_due(store: &Store, mailer: &Mailer, chunk: u32) -> Result<usize, StoreError> {
    let expanded = store.expand_outbox(EXPAND_CHUNK).await?;
    let messages = store.claim_messages(chunk).await?;
    let mut delivered = Vec::with_capacity(messages.len());
    for message in &messages {
        match mailer.send(message).await {
            Ok(()) => {
                failpoint::reach("mid_outbox");
                delivered.push(message.id);
            }
            Err(error) => {
                metrics::counter!("muster_messages_failed_total").increment(1);
                tracing::warn!(%error, message = message.id, attempt = message.attempt, "a message was not delivered");
                store.message_failed(message.id, &error.to_string()).await?;
            }
        }
    }
    if !delivered.is_empty() {
        store.messages_delivered(&delivered).await?;
        metrics::counter!("muster_messages_delivered_total").increment(delivered.len() as u64);
    }
    Ok(usize::from(expanded) + messages.len())
}

#[cfg(test)]
mod tests {
    use super::goes_on_at_once;

    #[test]
    fn mails_go_out_without_a_pause_unless_many_coupons_are_to_be_issued() {
        assert!(goes_on_at_once(1, false));
        assert!(!goes_on_at_once(1, true));
        assert!(!goes_on_at_once(0, false));
    }
}
