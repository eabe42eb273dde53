//! Closing deals whose window is over.

use super::Engine;
use crate::domain::DealId;
use crate::store::StoreError;

/// The most deals closed in one statement: their rows stay locked until it commits.
const CHUNK: u32 = 100;

impl Engine {
    /// Ends every deal whose window is over: tipped deals succeed, the others fail. Returns the ended deals. Safe on
    /// several nodes at once.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn close_due(&self) -> Result<Vec<DealId>, StoreError> {
        let mut ended = Vec::new();
        loop {
            let chunk = self.store.close_due_deals(CHUNK).await?;
            let last = chunk.len() < CHUNK as usize;
            for figures in chunk {
                let progress = figures.progress;
                tracing::info!(deal = %progress.deal, state = progress.state.as_str(), buyers = progress.buyers, "a deal ended");
                self.announce(figures).await;
                ended.push(progress.deal);
            }
            if last {
                return Ok(ended);
            }
        }
    }
}
