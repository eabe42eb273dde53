//! Faults that are injected into Postgres by SQL, over a connection that bypasses the links.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::{Cluster, DATABASE};
use crate::domain::DealId;

/// An open transaction that holds a lock on a deal.
pub(in crate::dev::chaos) struct Locked(PgConnection);

impl Cluster {
    async fn database(&self) -> sqlx::Result<PgConnection> {
        PgConnection::connect(&self.servers.database_url(DATABASE)).await
    }

    /// Terminates the connections whose current or last statement contains this text. Returns their number.
    pub(in crate::dev::chaos) async fn terminate(&self, words: &str) -> anyhow::Result<i64> {
        let ended = sqlx::query_scalar::<_, i64>(
            "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity
              WHERE application_name = 'muster' AND query LIKE '%' || $1 || '%'",
        );
        Ok(ended.bind(words).fetch_one(&mut self.database().await?).await?)
    }

    /// The process ids of the backends that serve nodes, in random order.
    pub(in crate::dev::chaos) async fn backends(&self) -> anyhow::Result<Vec<i32>> {
        let pids =
            sqlx::query_scalar("SELECT pid FROM pg_stat_activity WHERE application_name = 'muster' ORDER BY random()");
        Ok(pids.fetch_all(&mut self.database().await?).await?)
    }

    /// Locks a deal's row until [`Locked::unlock`].
    pub(in crate::dev::chaos) async fn lock(&self, deal: DealId) -> anyhow::Result<Locked> {
        let mut database = self.database().await?;
        database.execute("BEGIN").await?;
        let lock = sqlx::query("SELECT 1 FROM deals WHERE id = $1 FOR UPDATE").bind(deal.as_uuid());
        lock.execute(&mut database).await?;
        Ok(Locked(database))
    }

    /// The number of these coupons that are redeemed.
    pub(in crate::dev::chaos) async fn redeemed(&self, coupons: &[uuid::Uuid]) -> anyhow::Result<usize> {
        let count =
            sqlx::query_scalar::<_, i64>("SELECT count(*) FROM coupons WHERE id = ANY($1) AND redeemed_at IS NOT NULL");
        let count = count.bind(coupons).fetch_one(&mut self.database().await?).await?;
        Ok(usize::try_from(count)?)
    }

    /// The number of deadlocks since the last crash of Postgres.
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
