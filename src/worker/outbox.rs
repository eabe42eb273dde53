//! Delivers the messages of the transactional outbox.

use std::time::Duration;

use super::mail::Mailer;
use crate::engine::Engine;
use crate::failpoint;
use crate::shutdown::Shutdown;
use crate::store::{Store, StoreError};
use std::sync::Arc;

/// The most messages that one call creates. An event with more buyers takes several calls.
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
            Ok(done) if continues_at_once(done, engine.has_many_to_settle()) => continue,
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "cannot process the outbox; will retry"),
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = shutdown.begun() => {}
        }
    }
}

/// Whether to skip the pause because more messages may be due. While many coupons wait to be issued, the worker pauses:
/// mails about issued coupons would delay the rest. One chunk still goes out per period.
fn continues_at_once(done: usize, many_to_settle: bool) -> bool {
    done > 0 && !many_to_settle
}

/// Expands one due event into messages and delivers up to `chunk` due messages. Returns how many items it found.
///
/// # Errors
/// Postgres is unavailable. Messages that were sent but not marked as delivered are sent again.
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
                tracing::warn!(%error, message = message.id, attempt = message.attempt, "cannot deliver a message");
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
    use super::continues_at_once;

    #[test]
    fn mail_goes_out_without_a_pause_unless_many_coupons_wait() {
        assert!(continues_at_once(1, false));
        assert!(!continues_at_once(1, true));
        assert!(!continues_at_once(0, false));
    }
}
