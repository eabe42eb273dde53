//! Postgres: who joined what, and everything else that must not be lost. The only module with SQL.
//!
//! Owns the tables of `migrations/` and the functions of `sql/functions/`. Decides nothing by itself: what is allowed is decided by the functions
//! that lock, look and write in one call, and by the constraints behind them. Must never hold a transaction open across an
//! await that is not a statement: every writer is one statement, so that a caller who goes away leaves nothing half done
//! (`sqlx` 0.9's `begin()` is not safe to cancel).

mod accounts;
mod audit;
mod changes;
mod coupons;
mod deal_rows;
mod deals;
mod decided;
mod error;
mod front_page;
mod lag;
mod lane;
mod lifecycle;
mod migrate;
mod outbox;
mod page;
mod samples;
mod sessions;
mod signups;
mod together;
mod tokens;

use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Executor, PgPool};

pub use accounts::{CreateAccountOutcome, NewAccount, StoredAccount};
pub use audit::{Invariant, Looked, SignupTrace};
pub use changes::{DealVersion, LoadSnapshot};
pub use coupons::{CodeKeyId, CouponToIssue, RedeemAnswer, Redemption, Settler, Settling, StoredCoupon, Unsettled};
pub use deals::{DealChange, DealFilter, DealOrder, Facets, UpdateOutcome};
pub use decided::{Decided, DecidedJoin, DecidedLeave, Decision, Figures, LeaveDecision};
pub use error::StoreError;
pub use front_page::{FRONT_PAGE_DEALS, FrontPage};
pub use lag::Lag;
pub use lane::{CommitError, LANE_SETUP, LaneConnection};
pub use lifecycle::{PublishAnswer, WithdrawAnswer};
pub use migrate::MigrationError;
pub use outbox::{Message, MessageKind};
pub use page::{Cursor, Page, PageRequest};
pub use samples::SampleHistory;
pub use sessions::{Found, Session, SessionLength};
pub use signups::DealSignup;
pub use tokens::NewToken;

/// How Postgres is reached.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it is: `postgres://…`.
    pub url: SecretString,
    /// The most connections for everything but the lanes.
    pub pool_max: u32,
    /// How long a request waits for one of them.
    pub acquire_timeout: Duration,
    /// The longest statement of a page or a worker.
    pub statement_timeout: Duration,
    /// How long such a statement waits for a lock.
    pub lock_timeout: Duration,
    /// How long a lane waits for a lock before its batch is rolled back and sent again. A batch has no other limit: it is
    /// never given up half-way.
    pub lane_lock_timeout: Duration,
}

/// The truth. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: PgPool,
    options: PgConnectOptions,
    lane_lock_timeout: Duration,
    together: together::Together,
    front_page: front_page::LastRead,
}

impl Store {
    /// Prepares a pool; the first connection is made when it is needed.
    ///
    /// # Errors
    /// The URL cannot be read.
    pub fn new(settings: &Settings) -> Result<Self, StoreError> {
        let options = PgConnectOptions::from_str(settings.url.expose_secret())?.application_name("muster");
        let setup = session_setup(settings.lock_timeout, settings.statement_timeout);
        let pool = PgPoolOptions::new()
            .max_connections(settings.pool_max)
            .acquire_timeout(settings.acquire_timeout)
            .after_connect(move |connection, _| {
                let setup = setup.clone();
                Box::pin(async move {
                    connection.execute(sqlx::AssertSqlSafe(setup)).await?;
                    Ok(())
                })
            })
            .connect_lazy_with(options.clone());
        Ok(Self {
            pool,
            options,
            lane_lock_timeout: settings.lane_lock_timeout,
            together: together::Together::default(),
            front_page: front_page::LastRead::default(),
        })
    }

    /// Asks for an answer, and for the time.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn ping(&self) -> Result<chrono::DateTime<chrono::Utc>, StoreError> {
        Ok(sqlx::query_scalar!(r#"SELECT muster_now() AS "now!""#).fetch_one(&self.pool).await?)
    }

    /// Compares the server's history with what was noted, and begins a new epoch after a failover. Answers the epoch.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn check_epoch(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar!(r#"SELECT check_epoch() AS "epoch!""#).fetch_one(&self.pool).await?)
    }

    /// Begins a new epoch by hand: after a snapshot was restored, so that its lower versions win over what Redis and
    /// browsers have seen.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn begin_epoch(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar!(r#"SELECT begin_epoch() AS "epoch!""#).fetch_one(&self.pool).await?)
    }

    /// A connection of its own for a lane; made when it is first used.
    #[must_use]
    pub fn lane_connection(&self) -> LaneConnection {
        let setup = format!("{}; {LANE_SETUP}", session_setup(self.lane_lock_timeout, Duration::ZERO));
        LaneConnection::new(self.options.clone(), setup)
    }

    /// Waits until every connection is back, and closes them.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// What every connection is told first. Nothing of Muster's needs JIT, and compiling costs more than its statements do.
/// A time-out of zero is none.
fn session_setup(lock_timeout: Duration, statement_timeout: Duration) -> String {
    format!(
        "SET jit = off; SET idle_in_transaction_session_timeout = '10s'; SET lock_timeout = {}; SET statement_timeout = {}",
        lock_timeout.as_millis(),
        statement_timeout.as_millis()
    )
}
