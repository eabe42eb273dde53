//! Graceful shutdown: one signal that all parts of the process wait for.
//!
//! The first SIGTERM or SIGINT starts the shutdown. The second one ends the process immediately.

use tokio::sync::watch;

/// Whether the shutdown has begun. Clones share the state.
#[derive(Clone, Debug)]
pub struct Shutdown {
    sender: watch::Sender<bool>,
}

impl Shutdown {
    /// A shutdown that only [`Shutdown::begin`] starts, for tests.
    #[must_use]
    pub fn new() -> Self {
        Self { sender: watch::Sender::new(false) }
    }

    /// Begins the shutdown. Repeated calls have no effect.
    pub fn begin(&self) {
        self.sender.send_replace(true);
    }

    /// Whether the shutdown has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        *self.sender.borrow()
    }

    /// Waits until the shutdown begins. Cancel-safe, so usable in `select!`.
    pub async fn begun(&self) {
        let mut receiver = self.sender.subscribe();
        // `self` owns the sender, so this cannot fail.
        if receiver.wait_for(|begun| *begun).await.is_err() {
            tracing::debug!("the shutdown channel was closed");
        }
    }

    /// A shutdown that SIGTERM or SIGINT starts. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// The signal handlers cannot be installed.
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
                    tracing::warn!("second signal: exiting immediately");
                    std::process::exit(130);
                }
                tracing::info!(
                    "shutting down when the work under way is finished; send the signal again to exit immediately"
                );
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
