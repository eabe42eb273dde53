//! Delivers what people must hear of.

use std::time::Duration;

use super::mail::Mailer;
use crate::failpoint;
use crate::ledger::{Ledger, LedgerError};
use crate::shutdown::Shutdown;
use std::sync::Arc;

/// Buyers that one call expands an event by.
const EXPAND_CHUNK: u32 = 500;

pub(super) async fn run(ledger: Ledger, mailer: Arc<Mailer>, every: Duration, chunk: u32, shutdown: Shutdown) {
    while !shutdown.has_begun() {
        let done = deliver_due(&ledger, &mailer, chunk).await;
        match done {
            // There may be more: go on at once.
            Ok(1..) => continue,
            Ok(0) => {}
            Err(error) => tracing::warn!(%error, "the outbox could not be worked through; trying again"),
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = shutdown.begun() => {}
        }
    }
}

/// Expands one due event and delivers up to `chunk` due messages. Answers how much there was to do.
///
/// # Errors
/// Postgres is away. What was sent but could not be reported is sent again.
pub async fn deliver_due(ledger: &Ledger, mailer: &Mailer, chunk: u32) -> Result<usize, LedgerError> {
    let expanded = ledger.expand_outbox(EXPAND_CHUNK).await?;
    let messages = ledger.claim_messages(chunk).await?;
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
                ledger.message_failed(message.id, &error.to_string()).await?;
            }
        }
    }
    if !delivered.is_empty() {
        ledger.messages_delivered(&delivered).await?;
        metrics::counter!("muster_messages_delivered_total").increment(delivered.len() as u64);
    }
    Ok(usize::from(expanded) + messages.len())
}
