//! The connection of a lane: records batches of joins and leaves, and classifies failures.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use super::decided::{self, AnswerRow, Decided, DecidedJoin, DecidedLeave};
use crate::domain::{AccountId, DealId, JoinRequest, SignupId};
use crate::failpoint;

/// A connection that has not answered within this time counts as dead, and the batch is sent again over a new one.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Planner settings for lanes. Cached plans may date from when the tables were empty, and would keep scanning them.
/// Generic plans are forced, because a custom plan always looks slightly cheaper and Postgres would then plan each
/// batch again.
pub const LANE_SETUP: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
    SET plan_cache_mode = force_generic_plan";
/// The grace of the failpoint: long enough to send a batch, and hardly ever long enough to commit it.
const FAILPOINT_GRACE: Duration = Duration::from_millis(1);

/// The consequence of a failed call for its batch.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Rolled back, and worth a retry: a deadlock, a serialisation failure, a lock timeout.
    #[error("rolled back: {0}")]
    RolledBack(sqlx::Error),
    /// Rolled back because of one bad row, which can be found by bisection.
    #[error("a bad row: {0}")]
    BadRow(sqlx::Error),
    /// The batch may or may not be committed. Send it again until Postgres answers: a signup that exists is answered as
    /// `replay`.
    #[error("in doubt: {0}")]
    InDoubt(sqlx::Error),
    /// The batch was not sent, because there was no connection.
    #[error("no connection: {0}")]
    NotSent(sqlx::Error),
    /// Postgres is out of connections, disk or memory: shed load.
    #[error("out of resources: {0}")]
    Exhausted(sqlx::Error),
    /// A defect: rolled back for a reason that a retry cannot mend, or an unreadable answer.
    #[error("broken: {0}")]
    Broken(sqlx::Error),
}

impl CommitError {
    /// Classifies an error by its SQLSTATE (appendix A of the Postgres manual).
    fn of(error: sqlx::Error) -> Self {
        let refused = match &error {
            sqlx::Error::Database(refused) => refused,
            // The answer is unreadable, and a retry would return the same one.
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
            // This server is a standby; the primary is another one.
            "25006" => Self::InDoubt(error),
            code if code.starts_with("22") || code.starts_with("23") => Self::BadRow(error),
            code if code.starts_with("08") || code.starts_with("57P0") => Self::InDoubt(error),
            code if code.starts_with("53") => Self::Exhausted(error),
            _ => Self::Broken(error),
        }
    }
}

/// The connection of a lane. If it is lost, the next call makes a new one.
pub struct LaneConnection {
    options: PgConnectOptions,
    setup: String,
    connection: Option<PgConnection>,
}

impl LaneConnection {
    pub(super) fn new(options: PgConnectOptions, setup: String) -> Self {
        Self { options, setup, connection: None }
    }

    /// Records a batch of joins: all that are accepted, or, with an error, none.
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

    /// Records a batch of leaves.
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

    /// Keeps the connection only if it has no answer outstanding: a late answer would be taken for that of the next
    /// batch.
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

/// The batch is committed, and its answer does not match it. A retry would not help.
fn unexpected() -> CommitError {
    CommitError::Broken(sqlx::Error::Protocol("the answer does not fit the batch".into()))
}
