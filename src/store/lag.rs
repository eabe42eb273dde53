//! Measures the backlog of background work.

use super::{Store, StoreError};

/// The backlog of each worker, and the state of the database. Times are in seconds; 0 means no backlog.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lag {
    /// How long the oldest unsettled signup of a tipped deal has been waiting for its coupons.
    pub settle_s: f64,
    /// How long the oldest deal whose window is over has been waiting to be closed.
    pub close_s: f64,
    /// How long the oldest event or message in the outbox has been due.
    pub outbox_s: f64,
    /// The number of events and messages that are due; at most 10,000.
    pub outbox_due: i64,
    /// The number of parked messages; at most 10,000.
    pub outbox_parked: i64,
    /// The age of the oldest transaction of another client in this database.
    pub longest_transaction_s: f64,
    /// The number of connections to this database.
    pub connections: i64,
}

impl Store {
    /// Measures the backlog of every worker. Each part uses a partial index, and counts stop at 10,000, so a long queue
    /// costs little.
    pub async fn lag(&self) -> Result<Lag, StoreError> {
        let lag = sqlx::query_as!(
            Lag,
            r#"SELECT coalesce(extract(epoch FROM muster_now() - waiting.since), 0)::float8 AS "settle_s!",
                      coalesce(extract(epoch FROM muster_now() - ended.since), 0)::float8 AS "close_s!",
                      coalesce(extract(epoch FROM muster_now() - due.since), 0)::float8 AS "outbox_s!",
                      (SELECT count(*) FROM (SELECT FROM outbox WHERE delivered_at IS NULL AND parked_at IS NULL
                          AND next_at <= (SELECT muster_now()) LIMIT 10000) AS at_most) AS "outbox_due!",
                      (SELECT count(*) FROM (SELECT FROM outbox WHERE parked_at IS NOT NULL LIMIT 10000) AS at_most) AS "outbox_parked!",
                      coalesce(extract(epoch FROM clock_timestamp() - others.since), 0)::float8 AS "longest_transaction_s!",
                      others.rows AS "connections!"
                 FROM (SELECT min(greatest(s.joined_at, d.tipped_at)) AS since
                         FROM deals AS d
                         LEFT JOIN settling AS t ON t.deal = d.id
                         JOIN LATERAL (SELECT s.joined_at FROM signups AS s
                                        WHERE s.deal = d.id AND s.rev > coalesce(t.settled_rev, 0) AND s.settled_at IS NULL AND s.state = 'active'
                                        ORDER BY s.rev LIMIT 1) AS s ON true
                        WHERE d.tipped_at IS NOT NULL AND d.all_settled_at IS NULL AND d.state <> 'withdrawn') AS waiting,
                      (SELECT min(closes_at) AS since FROM deals
                        WHERE state IN ('open', 'tipped') AND closes_at <= (SELECT muster_now())) AS ended,
                      (SELECT min(next_at) AS since FROM outbox
                        WHERE delivered_at IS NULL AND parked_at IS NULL AND next_at <= (SELECT muster_now())) AS due,
                      (SELECT min(xact_start) FILTER (WHERE pid <> pg_backend_pid() AND backend_type = 'client backend') AS since,
                              count(*) AS rows
                         FROM pg_stat_activity WHERE datname = current_database()) AS others"#
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(lag)
    }
}
