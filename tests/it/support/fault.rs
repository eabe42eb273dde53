//! Faults in Redis and Postgres, and waiting for their effects.

use std::time::Duration;

use muster::domain::DealId;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::servers::Backend;

/// The URL of a Redis that does not exist.
pub const NO_REDIS: &str = "redis+unix:///nowhere/redis.sock?db=0";

/// A test that waits this long has failed.
pub const DEADLINE: Duration = Duration::from_mins(1);

/// Waits until a condition holds, and fails the test after [`DEADLINE`].
pub async fn wait_until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let mut ticks = tokio::time::interval(Duration::from_millis(5));
    let waiting = async {
        while !holds().await {
            ticks.tick().await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, waiting).await.is_ok(), "timed out waiting until {what}");
}

/// A deal's row or a table, locked by a transaction that stays open.
pub struct Locked(PgConnection);

impl Backend {
    pub async fn lock_deal(&self, deal: DealId) -> Locked {
        let mut database = self.connect().await;
        database.execute("BEGIN").await.unwrap();
        let lock = sqlx::query("SELECT 1 FROM deals WHERE id = $1 FOR UPDATE").bind(deal.as_uuid());
        lock.execute(&mut database).await.unwrap();
        Locked(database)
    }

    /// Blocks all access to a table until it is unlocked.
    pub async fn lock_table(&self, table: &str) -> Locked {
        let mut database = self.connect().await;
        database.execute("BEGIN").await.unwrap();
        database.execute(AssertSqlSafe(format!("LOCK TABLE {table}"))).await.unwrap();
        Locked(database)
    }

    /// Executes statements in this test's database.
    pub async fn sql(&self, statements: &str) {
        self.connect().await.execute(AssertSqlSafe(statements.to_owned())).await.unwrap();
    }

    /// Runs a query for one integer in this test's database.
    pub async fn query_i64(&self, query: &str) -> i64 {
        let query = format!("SELECT ({query})::bigint");
        sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut self.connect().await).await.unwrap()
    }

    /// The number of the nodes' connections that wait for a lock.
    pub async fn waiting_for_locks(&self) -> i64 {
        self.query_i64(
            "SELECT count(*) FROM pg_stat_activity
              WHERE datname = current_database() AND wait_event_type = 'Lock' AND application_name = 'muster'",
        )
        .await
    }
}

impl Locked {
    pub async fn unlock(mut self) {
        self.0.execute("ROLLBACK").await.unwrap();
        self.0.close().await.unwrap();
    }
}
