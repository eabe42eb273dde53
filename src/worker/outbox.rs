//! Delivers the messages of the outbox, without a pause while more may be due.

use std::sync::Arc;
use std::time::Duration;

use crate::app::shutdown::Shutdown;
use crate::engine::Engine;
use crate::notices::{Mailer, deliver_due};
use crate::store::Store;

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
            Ok(done) if continues_without_pause(done, engine.has_many_to_settle()) => continue,
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
/// sending mails would delay the coupons. One chunk still goes out per period.
fn continues_without_pause(done: usize, many_to_settle: bool) -> bool {
    done > 0 && !many_to_settle
}

#[cfg(test)]
mod tests {
    use super::continues_without_pause;

    #[test]
    fn mail_goes_out_without_a_pause_unless_many_coupons_wait() {
        assert!(continues_without_pause(1, false));
        assert!(!continues_without_pause(1, true));
        assert!(!continues_without_pause(0, false));
    }
}
