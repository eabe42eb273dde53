//! A lane's connection: records batches of joins and leaves, and classifies failures.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use super::decided::{self, AnswerRow, Decided, DecidedJoin, DecidedLeave};
use crate::domain::{AccountId, DealId, JoinRequest, SignupId};
use crate::failpoint;

/// The reply timeout, after which the connection is dropped and the batch is sent again over a new connection.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Planner settings for lanes. Plans that were cached while the tables were empty would scan whole tables, so such
/// plans are disabled. Generic plans are forced, because a custom plan always has a slightly lower cost estimate, and
/// Postgres would plan each batch again.
pub const LANE_SETUP: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
    SET plan_cache_mode = force_generic_plan";
/// The grace of the failpoint: long enough to send a batch, and hardly ever long enough to commit it.
const FAILPOINT_GRACE: Duration = Duration::from_millis(1);

/// A failed call, by its consequence for the batch.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Rolled back because of a deadlock, a serialisation failure or a lock timeout. A retry may succeed.
    #[error("rolled back: {0}")]
    RolledBack(sqlx::Error),
    /// Rolled back because of one bad row, which can be found by bisection.
    #[error("a bad row: {0}")]
    BadRow(sqlx::Error),
    /// The batch may or may not be committed. Send it again until Postgres answers: an existing signup is answered
    /// `replay`.
    #[error("in doubt: {0}")]
    InDoubt(sqlx::Error),
    /// The batch was not sent, because there was no connection.
    #[error("no connection: {0}")]
    NotSent(sqlx::Error),
    /// Postgres is out of connections, disk or memory: shed load.
    #[error("out of resources: {0}")]
    Exhausted(sqlx::Error),
    /// A defect: the batch was rolled back for a reason that a retry cannot fix, or its answer is unreadable.
    #[error("broken: {0}")]
    Broken(sqlx::Error),
}

impl CommitError {
    /// Classifies an error by its SQLSTATE (appendix A of the Postgres manual).
    fn of(error: sqlx::Error) -> Self {
        let refused = match &error {
            sqlx::Error::Database(refused) => refused,
            // The answer is unreadable, and a retry would return the same answer.
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::Encode(_)
            | sqlx::Error::TypeNotFound { .. } => return Self::Broken(error),
            _ => return Self::InDoubt(error),
        };
        let code = refused.code().unwrap_or_default().into_owned();
        match code.as_str() {
            "40P01" | "40001" | "55P03" => Self::RolledBack(error),
            // This server has become a standby. The next attempt connects again and may reach the primary.
            "25006" => Self::InDoubt(error),
            code if code.starts_with("22") || code.starts_with("23") => Self::BadRow(error),
            code if code.starts_with("08") || code.starts_with("57P0") => Self::InDoubt(error),
            code if code.starts_with("53") => Self::Exhausted(error),
            _ => Self::Broken(error),
        }
    }
}

/// The connection of a lane. After it was lost, the next call opens a new one.
pub struct LaneConnection {
    options: PgConnectOptions,
    setup: String,
    connection: Option<PgConnection>,
}

impl LaneConnection {
    pub(super) fn new(options: PgConnectOptions, setup: String) -> Self {
        Self { options, setup, connection: None }
    }

    /// Records the accepted joins of a batch, in one transaction.
    pub async fn commit_signups(&mut self, batch: &[JoinRequest]) -> Result<Decided<DecidedJoin>, CommitError> {
        let ids: Vec<Uuid> = batch.iter().map(|r| r.id.as_uuid()).collect();
        let deals: Vec<Uuid> = batch.iter().map(|r| r.deal.as_uuid()).collect();
        let buyers: Vec<Uuid> = batch.iter().map(|r| r.buyer.as_uuid()).collect();
        let units: Vec<i32> = batch.iter().map(|r| r.units.get().cast_signed()).collect();
        let connection = self.connected().await?;
        let call = sqlx::query_as!(
            AnswerRow,
            r#"SELECT ord AS "ord!", outcome AS "outcome!", deal AS "deal!", number, signup_state, bound, buyer_units, buyer_rev,
                      epoch, rev, rev_before, state, buyers, units, tipping_point, cap, opens_at, closes_at,
                      decided_at AS "decided_at!"
                 FROM commit_signups($1, $2, $3, $4)"#,
            &ids,
            &deals,
            &buyers,
            &units
        )
        .fetch_all(connection);
        let rows = answered(call).await;
        decided::read(batch.len(), &self.keep_or_drop(rows)?, AnswerRow::join).ok_or_else(unexpected)
    }

    /// Records the accepted leaves of a batch, in one transaction.
    pub async fn commit_leaves(
        &mut self,
        batch: &[(SignupId, DealId, AccountId)],
    ) -> Result<Decided<DecidedLeave>, CommitError> {
        let ids: Vec<Uuid> = batch.iter().map(|(id, ..)| id.as_uuid()).collect();
        let deals: Vec<Uuid> = batch.iter().map(|(_, deal, _)| deal.as_uuid()).collect();
        let buyers: Vec<Uuid> = batch.iter().map(|(.., buyer)| buyer.as_uuid()).collect();
        let connection = self.connected().await?;
        let call = sqlx::query_as!(
            AnswerRow,
            r#"SELECT ord AS "ord!", outcome AS "outcome!", deal AS "deal!", NULL::integer AS number, NULL::text AS signup_state,
                      NULL::integer AS bound, buyer_units, buyer_rev, epoch, rev, rev_before, state, buyers, units, tipping_point,
                      cap, opens_at, closes_at, decided_at AS "decided_at!"
                 FROM commit_leaves($1, $2, $3)"#,
            &ids,
            &deals,
            &buyers
        )
        .fetch_all(connection);
        let rows = answered(call).await;
        decided::read(batch.len(), &self.keep_or_drop(rows)?, AnswerRow::leave).ok_or_else(unexpected)
    }

    async fn connected(&mut self) -> Result<&mut PgConnection, CommitError> {
        if self.connection.is_none() {
            let setup = self.setup.clone();
            let connect = async {
                let mut connection = PgConnection::connect_with(&self.options).await?;
                connection.execute(sqlx::AssertSqlSafe(setup)).await?;
                sqlx::query_scalar!("SELECT check_epoch()").fetch_one(&mut connection).await?;
                Ok::<_, sqlx::Error>(connection)
            };
            let connection = tokio::time::timeout(CONNECT_TIMEOUT, connect)
                .await
                .unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())))
                .map_err(CommitError::NotSent)?;
            self.connection = Some(connection);
        }
        self.connection.as_mut().ok_or_else(unexpected)
    }

    /// Drops the connection after an error, unless Postgres has answered with a rollback. A late answer would be taken
    /// for that of the next batch.
    fn keep_or_drop<T>(&mut self, answer: Result<T, sqlx::Error>) -> Result<T, CommitError> {
        answer.map_err(CommitError::of).inspect_err(|error| {
            if !matches!(error, CommitError::RolledBack(_) | CommitError::BadRow(_)) {
                self.connection = None;
            }
        })
    }
}

async fn answered<T>(call: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    failpoint::reach("before_stmt");
    let call = failpoint::reach_within("stmt_sent", FAILPOINT_GRACE, call);
    let answer = tokio::time::timeout(CALL_TIMEOUT, call)
        .await
        .unwrap_or_else(|_| Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())));
    failpoint::reach("stmt_replied");
    answer
}

/// The error for an answer that does not match the batch, although the batch is committed. A retry would not help.
fn unexpected() -> CommitError {
    CommitError::Broken(sqlx::Error::Protocol("the answer does not fit the batch".into()))
}
