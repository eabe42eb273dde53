//! A dump of a test's database, to assert that nothing changed.

use sqlx::{AssertSqlSafe, Row};

use super::servers::Backend;

/// The column that reads change, too: when a token was last used.
const CHANGED_BY_READS: &str = "'last_used_at'";

impl Backend {
    /// Every row of every table, as text, without the time of a token's last use.
    pub async fn dump(&self) -> String {
        let mut database = self.connect().await;
        let tables = sqlx::query(
            "SELECT table_name::text FROM information_schema.tables
              WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name <> '_sqlx_migrations' ORDER BY 1",
        )
        .fetch_all(&mut database)
        .await
        .unwrap();
        let mut dump = String::new();
        for table in tables.iter().map(|row| row.get::<String, _>(0)) {
            let rows = format!(
                "SELECT coalesce(string_agg(r, E'\\n' ORDER BY r), '') FROM (SELECT (to_jsonb(t) - {CHANGED_BY_READS})::text AS r FROM {table} AS t) AS s"
            );
            let rows: String = sqlx::query_scalar(AssertSqlSafe(rows)).fetch_one(&mut database).await.unwrap();
            dump.extend([table.as_str(), ":\n", &rows, "\n"]);
        }
        dump
    }
}
