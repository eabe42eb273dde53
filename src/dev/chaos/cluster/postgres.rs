//! What is done to Postgres from inside, over a connection around all links.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::{Cluster, DATABASE};
use crate::domain::DealId;

/// A deal's row, locked as by a transaction that does not come to its end.
pub(in crate::dev::chaos) struct Locked(PgConnection);

impl Cluster {
    async fn database(&self) -> sqlx::Result<PgConnection> {
        PgConnection::connect(&self.servers.database_url(DATABASE)).await
    }

    /// Ends connections that run, or ran last, a statement with these words. Answers how many.
    pub(in crate::dev::chaos) async fn terminate(&self, words: &str) -> anyhow::Result<i64> {
        let ended = sqlx::query_scalar::<_, i64>(
            "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity
              WHERE application_name = 'muster' AND query LIKE '%' || $1 || '%'",
        );
        Ok(ended.bind(words).fetch_one(&mut self.database().await?).await?)
    }

    /// The processes that serve the nodes.
    pub(in crate::dev::chaos) async fn backends(&self) -> anyhow::Result<Vec<i32>> {
        let pids =
            sqlx::query_scalar("SELECT pid FROM pg_stat_activity WHERE application_name = 'muster' ORDER BY random()");
        Ok(pids.fetch_all(&mut self.database().await?).await?)
    }

    /// Locks a deal.
    pub(in crate::dev::chaos) async fn lock(&self, deal: DealId) -> anyhow::Result<Locked> {
        let mut database = self.database().await?;
        database.execute("BEGIN").await?;
        let lock = sqlx::query("SELECT 1 FROM deals WHERE id = $1 FOR UPDATE").bind(deal.as_uuid());
        lock.execute(&mut database).await?;
        Ok(Locked(database))
    }

    /// How many of these coupons are redeemed.
    pub(in crate::dev::chaos) async fn redeemed(&self, coupons: &[uuid::Uuid]) -> anyhow::Result<usize> {
        let count =
            sqlx::query_scalar::<_, i64>("SELECT count(*) FROM coupons WHERE id = ANY($1) AND redeemed_at IS NOT NULL");
        let count = count.bind(coupons).fetch_one(&mut self.database().await?).await?;
        Ok(usize::try_from(count)?)
    }

    /// How many deadlocks Postgres counts since it last recovered from a crash.
    pub(in crate::dev::chaos) async fn deadlocks(&self) -> anyhow::Result<i64> {
        let count = format!("SELECT deadlocks FROM pg_stat_database WHERE datname = '{DATABASE}'");
        Ok(sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut self.database().await?).await?)
    }
}

impl Locked {
    pub(in crate::dev::chaos) async fn unlock(mut self) -> anyhow::Result<()> {
        self.0.execute("ROLLBACK").await?;
        Ok(self.0.close().await?)
    }
}
