//! Reads deals by id for [`Coalesce`](super::coalesce::Coalesce), many in one statement. Keeps one connection while
//! requests keep arriving.

use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres};

use super::StoreError;
use super::coalesce::Source;
use super::deal_rows::deals_by_id;
use crate::domain::{Deal, DealId};

pub(super) struct DealReads {
    pool: PgPool,
    /// Kept between reads: the pool pings a connection on every checkout and return.
    connection: Option<PoolConnection<Postgres>>,
}

impl DealReads {
    pub(super) fn new(pool: PgPool) -> Self {
        Self { pool, connection: None }
    }

    async fn try_to_read(&mut self, ids: &[DealId]) -> Result<Vec<Deal>, StoreError> {
        let connection = match self.connection.take() {
            Some(kept) => kept,
            None => self.pool.acquire().await?,
        };
        let found = deals_by_id(&mut **self.connection.insert(connection), ids).await;
        if found.is_err() {
            self.connection = None;
        }
        found
    }
}

impl Source for DealReads {
    type Key = DealId;
    type Value = Deal;

    async fn read(&mut self, ids: &[DealId]) -> Result<Vec<(DealId, Deal)>, StoreError> {
        let was_kept = self.connection.is_some();
        let found = match self.try_to_read(ids).await {
            // The kept connection may have been lost since its last use. The pool tests the connection that it lends
            // next.
            Err(StoreError::Unavailable(_)) if was_kept => self.try_to_read(ids).await,
            found => found,
        };
        Ok(found?.into_iter().map(|deal| (deal.id, deal)).collect())
    }

    fn rest(&mut self) {
        if self.pool.num_idle() == 0 && self.pool.size() >= self.pool.options().get_max_connections() {
            self.connection = None;
        }
    }
}
