//! The end of the process: one signal that everything listens to.
//!
//! The first SIGTERM or SIGINT asks everything to finish; the second ends the process at once.

use tokio::sync::watch;

/// Knows whether the end has been asked for. Clones share the answer.
#[derive(Clone, Debug)]
pub struct Shutdown {
    sender: watch::Sender<bool>,
}

impl Shutdown {
    /// A shutdown that only [`Shutdown::begin`] starts, as tests need it.
    #[must_use]
    pub fn new() -> Self {
        Self { sender: watch::Sender::new(false) }
    }

    /// Asks everything to finish. Asking again changes nothing.
    pub fn begin(&self) {
        self.sender.send_replace(true);
    }

    /// Whether the end has been asked for.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        *self.sender.borrow()
    }

    /// Waits until the end is asked for. Safe to use in `select!`.
    pub async fn begun(&self) {
        let mut receiver = self.sender.subscribe();
        // The sender lives in `self`, so waiting cannot fail before the value changes.
        if receiver.wait_for(|begun| *begun).await.is_err() {
            tracing::debug!("the shutdown signal was dropped");
        }
    }

    /// A shutdown that the process' signals start. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// When the signal handlers cannot be installed.
    pub fn on_signals() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        let shutdown = Self::new();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let begun = shutdown.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                if begun.has_begun() {
                    tracing::warn!("asked a second time: ending at once");
                    std::process::exit(130);
                }
                tracing::info!("finishing what is under way; ask again to end at once");
                begun.begin();
            }
        });
        Ok(shutdown)
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}
