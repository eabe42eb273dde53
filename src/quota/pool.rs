//! A small pool of connections for reading Redis outside of a join: the audit and [`super::inspect`].
//!
//! A large or slow reply over the pool delays no join. A failure does not take the node's connection out of use.
//!
//! Everything else uses other connections:
//!
//! - Admission, `apply`, loads, reconciling and rate limits use the connection of [`super::link`], whose `run_id` is
//!   known. A pool pings at each checkout and cannot tell one run of Redis from another.
//! - The bus uses its own connection, because a subscribed connection accepts no other commands.
//! - Readiness probes and metrics send nothing to Redis: they report the state of the link.

use std::time::Duration;

use deadpool_redis::{Connection, Manager, Pool, PoolError, Runtime};
use redis::{AsyncConnectionConfig, RedisError};
use secrecy::ExposeSecret;

use super::link::ConnectError;
use super::{Quota, Settings};

/// One connection for the audit and one for other readers. Only one audit runs at a time.
const SIZE: usize = 2;
/// How long a caller waits for a free connection.
const WAIT: Duration = Duration::from_secs(5);
/// The reply timeout. It is longer than that of the node's connection, because no join waits for the reply.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Why Redis could not be read over the pool.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// Redis did not answer, or answered with an error.
    #[error("cannot read Redis: {0}")]
    Redis(#[from] RedisError),
    /// The pool has no free connection.
    #[error("cannot read Redis: {0}")]
    Pool(PoolError),
}

impl From<PoolError> for InspectError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => Self::Redis(error),
            error => Self::Pool(error),
        }
    }
}

/// Creates the pool. It connects when a connection is first requested.
pub(super) fn new(settings: &Settings) -> Result<Pool, ConnectError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(settings.connect_timeout))
        .set_response_timeout(Some(RESPONSE_TIMEOUT));
    let manager = Manager::new_with_config(settings.url.expose_secret(), config).map_err(ConnectError::Url)?;
    // Connecting and pinging use the timeouts of the connection.
    Ok(Pool::builder(manager).max_size(SIZE).wait_timeout(Some(WAIT)).runtime(Runtime::Tokio1).build()?)
}

impl Quota {
    /// A connection of the pool.
    pub(crate) async fn pooled(&self) -> Result<Connection, InspectError> {
        Ok(self.pool.get().await?)
    }
}
