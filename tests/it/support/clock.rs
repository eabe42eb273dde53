//! A clock that tests move: `muster_now()` in SQL and the clocks of the nodes.

use std::time::Duration;

use muster::App;
use sqlx::{Connection, Executor, PgConnection};

/// Replaces the clock of a database by one with an offset.
pub async fn install(database: &mut PgConnection) {
    let statements = "
        CREATE TABLE test_clock (ahead interval NOT NULL);
        INSERT INTO test_clock VALUES ('0');
        CREATE OR REPLACE FUNCTION muster_now() RETURNS timestamptz LANGUAGE sql VOLATILE
            AS 'SELECT clock_timestamp() + ahead FROM test_clock';";
    database.execute(statements).await.unwrap();
}

/// Moves the clock of one test's database and nodes.
pub struct TestClock {
    pub(super) database_url: String,
    pub(super) nodes: Vec<App>,
}

impl TestClock {
    /// Moves the clock forward.
    pub async fn advance(&self, by: Duration) {
        let mut database = PgConnection::connect(&self.database_url).await.unwrap();
        let moved =
            sqlx::query("UPDATE test_clock SET ahead = ahead + make_interval(secs => $1)").bind(by.as_secs_f64());
        moved.execute(&mut database).await.unwrap();
        for node in &self.nodes {
            node.clock.correct(node.store.ping().await.unwrap());
        }
    }
}
