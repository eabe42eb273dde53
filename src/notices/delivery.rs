//! Delivers the messages of the transactional outbox.

use super::mail::Mailer;
use crate::failpoint;
use crate::store::{Store, StoreError};

/// Maximum messages that one call creates. An event with more buyers takes several calls.
const EXPAND_CHUNK: u32 = 500;

/// Expands one due event into messages and delivers up to `chunk` due messages. Returns the number of items that were
/// due.
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
