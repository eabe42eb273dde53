//! Postgres: everything that must not be lost.
//!
//! Contains the SQL of joins, deals and coupons, the pool, and the migrations. Slices have their SQL in `store.rs`, and the
//! audit has its own. Owns the tables of `migrations/` and the functions of `sql/functions/`. The functions decide what is
//! allowed: each locks, checks and writes in one call, and constraints back them up.
//!
//! For all SQL, also that of slices: no transaction stays open across an await that is not a statement. Every write is one
//! statement, so a caller that is dropped leaves nothing half done (`begin()` of sqlx 0.9 is not cancel-safe).
//!
//! A [`StoreError`] means that the database was unavailable, unless a method says more. [`StoreError::Busy`] means that too
//! many requests wait for the same read. [`StoreError::Broken`] is a defect.
#![expect(clippy::missing_errors_doc, reason = "the module says once what a StoreError means")]

mod changes;
mod coalesce;
mod coupons;
mod deal_reads;
mod deal_rows;
mod deals;
mod decided;
mod error;
mod front_page;
mod lag;
mod lane;
mod lifecycle;
mod migrate;
mod new_ids;
mod page;
mod samples;
mod signups;

use std::str::FromStr;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Executor, PgPool};

use crate::domain::{Deal, DealId};

pub use changes::{DealVersion, LoadSnapshot};
pub(crate) use coalesce::{Coalesce, Found, Source};
pub use coupons::{CodeKeyId, CouponToIssue, RedeemAnswer, Redemption, Settler, Settling, StoredCoupon, Unsettled};
pub use deals::{DealChange, DealFilter, DealOrder, Facets, UpdateOutcome};
pub use decided::{Decided, DecidedJoin, DecidedLeave, Decision, Figures, LeaveDecision};
pub use error::StoreError;
pub(crate) use error::unreadable;
pub use front_page::{FRONT_PAGE_DEALS, FrontPage};
pub use lag::Lag;
pub use lane::{CommitError, LANE_SETUP, LaneConnection};
pub use lifecycle::{PublishAnswer, RaiseCapAnswer, WithdrawAnswer};
pub use migrate::MigrationError;
pub use page::{Cursor, Page, PageRequest};
pub use samples::SampleHistory;
pub use signups::DealSignup;
pub(crate) use signups::SignupRow;

/// Maximum requests that wait for reads of deals, and for the home page.
const READS_WAITING_MAX: usize = 32_768;

/// How to reach Postgres.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `postgres://…`.
    pub url: SecretString,
    /// The maximum number of connections of the pool. Lanes have their own.
    pub pool_max: u32,
    /// How long a request waits for a connection of the pool.
    pub acquire_timeout: Duration,
    /// The statement timeout of the pool's connections.
    pub statement_timeout: Duration,
    /// The lock timeout of the pool's connections.
    pub lock_timeout: Duration,
    /// The lock timeout of lanes, after which a batch is rolled back and sent again. Lanes have no statement timeout.
    pub lane_lock_timeout: Duration,
}

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: PgPool,
    options: PgConnectOptions,
    lane_lock_timeout: Duration,
    deal_reads: Coalesce<DealId, Deal>,
    front_page: Coalesce<(), FrontPage>,
}

impl Store {
    /// A store whose pool connects at its first use.
    ///
    /// # Errors
    /// The URL is invalid.
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
            deal_reads: Coalesce::new("deals", READS_WAITING_MAX),
            front_page: Coalesce::new("the home page", READS_WAITING_MAX),
        })
    }

    /// Makes a round trip to Postgres, and returns the time by the clock of Postgres.
    pub async fn ping(&self) -> Result<chrono::DateTime<chrono::Utc>, StoreError> {
        Ok(sqlx::query_scalar!(r#"SELECT muster_now() AS "now!""#).fetch_one(&self.pool).await?)
    }

    /// Compares the server's timeline with the recorded one, and begins a new epoch if they differ. Returns the current
    /// epoch.
    pub async fn check_epoch(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar!(r#"SELECT check_epoch() AS "epoch!""#).fetch_one(&self.pool).await?)
    }

    /// Begins a new epoch by hand, after a backup was restored. Its lower versions then replace those in Redis and
    /// browsers.
    pub async fn begin_epoch(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar!(r#"SELECT begin_epoch() AS "epoch!""#).fetch_one(&self.pool).await?)
    }

    /// A connection for one lane, which connects at its first use.
    #[must_use]
    pub fn lane_connection(&self) -> LaneConnection {
        let setup = format!("{}; {LANE_SETUP}", session_setup(self.lane_lock_timeout, Duration::ZERO));
        LaneConnection::new(self.options.clone(), setup)
    }

    /// The pool, for the SQL of slices and of the audit.
    pub(crate) const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Waits until every connection of the pool is returned, and closes the pool.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// The first statements of every connection. JIT is off, because compiling costs more than Muster's statements. Zero
/// stands for no timeout.
fn session_setup(lock_timeout: Duration, statement_timeout: Duration) -> String {
    format!(
        "SET jit = off; SET idle_in_transaction_session_timeout = '10s'; SET lock_timeout = {}; SET statement_timeout = {}",
        lock_timeout.as_millis(),
        statement_timeout.as_millis()
    )
}
