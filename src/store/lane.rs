//! A lane's own connection: recording batches of joins and leaves, and what a failed call means.

use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use super::decided::{self, AnswerRow, Decided, DecidedJoin, DecidedLeave};
use crate::domain::{AccountId, DealId, JoinRequest, SignupId};
use crate::failpoint;

/// How long one call may take before its connection counts as dead. The batch is sent again over a new one.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// What the planner may not do on the connection of a lane. Plans are made once and kept: made while the tables were empty they
/// would scan them for ever, and a plan for these very arrays would be made anew for each batch, because it always looks a
/// little cheaper to run.
pub const LANE_SETUP: &str = "SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off; \
    SET plan_cache_mode = force_generic_plan";
/// A batch is sent, and hardly ever committed, within this time.
const FAILPOINT_GRACE: Duration = Duration::from_millis(1);

/// What a failed call means for its batch.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Rolled back, and worth sending again: a deadlock, a serialisation failure, a lock that took too long.
    #[error("rolled back: {0}")]
    RolledBack(sqlx::Error),
    /// Rolled back because of one bad row: find it by halving.
    #[error("a bad row: {0}")]
    BadRow(sqlx::Error),
    /// Nobody knows whether it was committed. Send it again until it is answered: a signup that exists answers `replay`.
    #[error("in doubt: {0}")]
    InDoubt(sqlx::Error),
    /// There was no connection to send it over: nothing happened.
    #[error("no connection: {0}")]
    NotSent(sqlx::Error),
    /// Postgres has no resources left (connections, disk, memory): shed load.
    #[error("out of resources: {0}")]
    Exhausted(sqlx::Error),
    /// Rolled back for a reason that sending again will not mend, or answered with something that cannot be read: a defect.
    #[error("broken: {0}")]
    Broken(sqlx::Error),
}

impl CommitError {
    /// What a failed statement means, by its SQLSTATE (appendix A of the manual of Postgres).
    fn of(error: sqlx::Error) -> Self {
        let refused = match &error {
            sqlx::Error::Database(refused) => refused,
            // The answer came and cannot be read. It would be the same the next time, for ever.
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
            // A standby: the primary is elsewhere now.
            "25006" => Self::InDoubt(error),
            code if code.starts_with("22") || code.starts_with("23") => Self::BadRow(error),
            code if code.starts_with("08") || code.starts_with("57P0") => Self::InDoubt(error),
            code if code.starts_with("53") => Self::Exhausted(error),
            _ => Self::Broken(error),
        }
    }
}

/// A lane's connection. It may be gone at any time; the next call makes a new one.
pub struct LaneConnection {
    options: PgConnectOptions,
    setup: String,
    connection: Option<PgConnection>,
}

impl LaneConnection {
    pub(super) fn new(options: PgConnectOptions, setup: String) -> Self {
        Self { options, setup, connection: None }
    }

    /// Records a batch of joins: all that are accepted, or none.
    ///
    /// # Errors
    /// What the failure means for the batch.
    pub async fn commit_signups(&mut self, batch: &[JoinRequest]) -> Result<Decided<DecidedJoin>, CommitError> {
        let ids: Vec<Uuid> = batch.iter().map(|r| r.id.as_uuid()).collect();
        let deals: Vec<Uuid> = batch.iter().map(|r| r.deal.as_uuid()).collect();
        let buyers: Vec<Uuid> = batch.iter().map(|r| r.buyer.as_uuid()).collect();
        let units: Vec<i32> = batch.iter().map(|r| r.units.get().cast_signed()).collect();
        let connection = self.connected().await?;
        let call = sqlx::query_as!(
            AnswerRow,
            r#"SELECT ord AS "ord!", outcome AS "outcome!", deal AS "deal!", number, signup_state, bound, buyer_units, buyer_rev,
                      epoch, rev, rev_before, state, buyers, units, tipping_point, cap, closes_at, decided_at AS "decided_at!"
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
    ///
    /// # Errors
    /// What the failure means for the batch.
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
                      cap, closes_at, decided_at AS "decided_at!"
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

    /// Only a connection that is known to have said everything is used again: a late reply would answer the wrong question.
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

/// A committed batch with an answer that cannot be read: sending it again would not help.
fn unexpected() -> CommitError {
    CommitError::Broken(sqlx::Error::Protocol("the answer does not fit the batch".into()))
}
