//! What goes wrong on purpose, and waiting for what follows from it.

use std::time::Duration;

use muster::domain::DealId;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::servers::Home;

/// A Redis that is not there.
pub const NO_REDIS: &str = "redis+unix:///nowhere/redis.sock?db=0";

/// Longer than anything here takes; a test that waits so long has failed.
const DEADLINE: Duration = Duration::from_mins(1);

/// Waits until something is so.
pub async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let mut looks = tokio::time::interval(Duration::from_millis(5));
    let looking = async {
        while !is_so().await {
            looks.tick().await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, looking).await.is_ok(), "in vain: {what}");
}

/// A deal's row or a table, locked as by a transaction that does not come to its end.
pub struct Locked(PgConnection);

impl Home {
    pub async fn lock_deal(&self, deal: DealId) -> Locked {
        let mut database = self.connect().await;
        database.execute("BEGIN").await.unwrap();
        let lock = sqlx::query("SELECT 1 FROM deals WHERE id = $1 FOR UPDATE").bind(deal.as_uuid());
        lock.execute(&mut database).await.unwrap();
        Locked(database)
    }

    /// Keeps everybody from reading a table until it is unlocked.
    pub async fn lock_table(&self, table: &str) -> Locked {
        let mut database = self.connect().await;
        database.execute("BEGIN").await.unwrap();
        database.execute(AssertSqlSafe(format!("LOCK TABLE {table}"))).await.unwrap();
        Locked(database)
    }

    /// Runs statements in this test's database.
    pub async fn sql(&self, statements: &str) {
        self.connect().await.execute(AssertSqlSafe(statements.to_owned())).await.unwrap();
    }

    /// Asks this test's database for one number.
    pub async fn number(&self, query: &str) -> i64 {
        let query = format!("SELECT ({query})::bigint");
        sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut self.connect().await).await.unwrap()
    }

    /// How many connections of nodes wait for a lock.
    pub async fn waiting_for_locks(&self) -> i64 {
        self.number(
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
