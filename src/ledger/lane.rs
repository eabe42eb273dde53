//! A lane's own connection: recording batches of joins and leaves, and what a failed call means.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use crate::domain::{AccountId, DealId, DealState, JoinRequest, Progress, SignupId, SignupState};
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

/// What Postgres decided about one request to join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The signup was made.
    Ok,
    /// It had been made before.
    Replay,
    /// The key named another number of units before.
    KeyReused,
    /// There is no such deal, or it is a draft.
    NoSuchDeal,
    /// The window has not begun.
    NotOpen,
    /// The window is over, or the deal is.
    Closed,
    /// The buyer would hold too many units.
    BuyerLimit,
    /// No unit is left.
    SoldOut,
    /// Fewer units may be taken than were asked for.
    NotEnoughLeft,
}

/// One request to join, decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecidedJoin {
    /// What was decided.
    pub decision: Decision,
    /// The signup's number, when there is a signup.
    pub number: u32,
    /// Whether the signup counts, when there is one.
    pub state: SignupState,
    /// The number that a refusal tells: units available, or the per-buyer limit.
    pub bound: u32,
    /// The buyer's units after the request and the version of their last change; none without a signup, ever.
    pub buyer_units: Option<(u32, i64)>,
}

/// What Postgres decided about one request to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveDecision {
    /// The signup does not count any more.
    Left,
    /// This buyer has no such signup.
    NoSuchSignup,
    /// The deal is on.
    AlreadyTipped,
    /// The deal is over.
    Closed,
}

/// One request to leave, decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecidedLeave {
    /// What was decided.
    pub decision: LeaveDecision,
    /// As for a join.
    pub buyer_units: Option<(u32, i64)>,
}

/// A deal's figures after a batch, and its version before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// After the batch.
    pub progress: Progress,
    /// Before the batch.
    pub rev_before: i64,
}

/// A batch, decided: one entry for each request in its order, and the figures of each deal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decided<T> {
    /// One for each request.
    pub rows: Vec<T>,
    /// One for each deal of the batch that exists.
    pub figures: Vec<Figures>,
    /// What Postgres' clock said.
    pub at: Option<DateTime<Utc>>,
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
        let call = sqlx::query!(
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
        let rows = self.keep_or_drop(rows)?;
        let mut decided = Decided { rows: vec![None; batch.len()], figures: Vec::new(), at: None };
        for row in rows {
            decided.at = Some(row.decided_at);
            if row.ord == 0 {
                let f = (
                    row.epoch,
                    row.rev,
                    row.rev_before,
                    row.state,
                    row.buyers,
                    row.units,
                    row.tipping_point,
                    row.closes_at,
                );
                decided.figures.push(figures(row.deal, f, row.cap)?);
                continue;
            }
            let place = usize::try_from(row.ord - 1).ok().and_then(|at| decided.rows.get_mut(at));
            let join = DecidedJoin {
                decision: decision(&row.outcome).ok_or_else(unexpected)?,
                number: row.number.map_or(0, i32::cast_unsigned),
                state: row.signup_state.as_deref().and_then(SignupState::parse).unwrap_or(SignupState::Active),
                bound: row.bound.map_or(0, i32::cast_unsigned),
                buyer_units: row.buyer_units.map(i32::cast_unsigned).zip(row.buyer_rev),
            };
            *place.ok_or_else(unexpected)? = Some(join);
        }
        complete(decided)
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
        let call = sqlx::query!(
            r#"SELECT ord AS "ord!", outcome AS "outcome!", deal AS "deal!", buyer_units, buyer_rev,
                      epoch, rev, rev_before, state, buyers, units, tipping_point, cap, closes_at, decided_at AS "decided_at!"
                 FROM commit_leaves($1, $2, $3)"#,
            &ids,
            &deals,
            &buyers
        )
        .fetch_all(connection);
        let rows = answered(call).await;
        let rows = self.keep_or_drop(rows)?;
        let mut decided = Decided { rows: vec![None; batch.len()], figures: Vec::new(), at: None };
        for row in rows {
            decided.at = Some(row.decided_at);
            if row.ord == 0 {
                let f = (
                    row.epoch,
                    row.rev,
                    row.rev_before,
                    row.state,
                    row.buyers,
                    row.units,
                    row.tipping_point,
                    row.closes_at,
                );
                decided.figures.push(figures(row.deal, f, row.cap)?);
                continue;
            }
            let place = usize::try_from(row.ord - 1).ok().and_then(|at| decided.rows.get_mut(at));
            let leave = DecidedLeave {
                decision: leave_decision(&row.outcome).ok_or_else(unexpected)?,
                buyer_units: row.buyer_units.map(i32::cast_unsigned).zip(row.buyer_rev),
            };
            *place.ok_or_else(unexpected)? = Some(leave);
        }
        complete(decided)
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

fn complete<T>(decided: Decided<Option<T>>) -> Result<Decided<T>, CommitError> {
    let rows: Option<Vec<T>> = decided.rows.into_iter().collect();
    Ok(Decided { rows: rows.ok_or_else(unexpected)?, figures: decided.figures, at: decided.at })
}

/// A committed batch with an answer that cannot be read: sending it again would not help.
fn unexpected() -> CommitError {
    CommitError::Broken(sqlx::Error::Protocol("the answer does not fit the batch".into()))
}

type FigureColumns = (
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<String>,
    Option<i32>,
    Option<i32>,
    Option<i32>,
    Option<DateTime<Utc>>,
);

fn figures(deal: Uuid, columns: FigureColumns, cap: Option<i32>) -> Result<Figures, CommitError> {
    let (epoch, rev, rev_before, state, buyers, units, tipping_point, closes_at) = columns;
    let read = || {
        let progress = Progress {
            deal: deal.into(),
            epoch: epoch?,
            rev: rev?,
            state: DealState::parse(&state?)?,
            buyers: buyers?.cast_unsigned(),
            units: units?.cast_unsigned(),
            tipping_point: tipping_point?.cast_unsigned(),
            cap: cap.map(i32::cast_unsigned),
            closes_at: closes_at?,
        };
        Some(Figures { progress, rev_before: rev_before? })
    };
    read().ok_or_else(unexpected)
}

fn decision(word: &str) -> Option<Decision> {
    Some(match word {
        "ok" => Decision::Ok,
        "replay" => Decision::Replay,
        "key_reused" => Decision::KeyReused,
        "no_such_deal" => Decision::NoSuchDeal,
        "not_open" => Decision::NotOpen,
        "closed" => Decision::Closed,
        "buyer_limit" => Decision::BuyerLimit,
        "sold_out" => Decision::SoldOut,
        "not_enough_left" => Decision::NotEnoughLeft,
        _ => return None,
    })
}

fn leave_decision(word: &str) -> Option<LeaveDecision> {
    Some(match word {
        "left" => LeaveDecision::Left,
        "no_such_signup" => LeaveDecision::NoSuchSignup,
        "already_tipped" => LeaveDecision::AlreadyTipped,
        "closed" => LeaveDecision::Closed,
        _ => return None,
    })
}
