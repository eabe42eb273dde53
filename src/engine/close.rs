//! Closing deals whose window is over.

use super::Engine;
use crate::domain::DealId;
use crate::store::StoreError;

/// The maximum number of deals that one statement closes. Their rows stay locked until it commits.
const CHUNK: u32 = 100;

impl Engine {
    /// Ends every deal whose window is over: tipped deals succeed, the others fail. Returns the ended deals. Several
    /// nodes may call this concurrently.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn close_due(&self) -> Result<Vec<DealId>, StoreError> {
        let mut ended = Vec::new();
        loop {
            let chunk = self.store.close_due_deals(CHUNK).await?;
            let is_last = chunk.len() < CHUNK as usize;
            for figures in chunk {
                let progress = figures.progress;
                tracing::info!(deal = %progress.deal, state = progress.state.as_str(), buyers = progress.buyers, "a deal ended");
                self.announce(figures).await;
                ended.push(progress.deal);
            }
            if is_last {
                return Ok(ended);
            }
        }
    }
}
