//! Private Redis and Postgres servers for `muster dev` and the tests, run as child processes.
//!
//! The servers listen only on Unix sockets in their own data folder and never touch the machine's other servers.
//! Invariants:
//!
//! - A data folder has one owner. A second process that opens it gets an error.
//! - The servers end when this process ends, even after `kill -9`: see `process` and `spawner`.
//! - A server counts as started when it has answered a query.
//! - The servers never run as root, because Postgres refuses to.

mod error;
mod folder;
mod identity;
mod options;
mod postgres;
mod postmaster;
mod probe;
mod process;
mod program;
mod programs;
mod psql;
mod redis;
mod server;
mod spawner;
mod standby;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

pub use self::error::{MissingProgram, ServersError};
use self::folder::DataFolder;
use self::identity::Identity;
pub use self::options::{Options, Place};
use self::postgres::Postgres;
pub use self::program::Program;
pub use self::programs::Search;
use self::programs::{Needs, Programs};
pub use self::server::{DataCopy, Server};
pub use self::standby::Standby;

/// Running servers. Dropping this stops them, blocking the thread; [`Servers::stop`] does so without blocking.
#[derive(Debug)]
pub struct Servers {
    postgres: Option<Postgres>,
    redis: Option<Server>,
    programs: Programs,
    identity: Arc<Identity>,
    durable: bool,
    // Fields drop in order: the folder is unlocked and removed after the servers have ended.
    folder: Arc<DataFolder>,
}

impl Servers {
    /// Finds the programs, locks the data folder and starts the requested servers.
    ///
    /// # Errors
    /// Programs are missing (the error names all of them and how to install them), another process uses the folder, or
    /// a server does not start (the error has the end of its log).
    pub async fn start(options: Options) -> Result<Self, ServersError> {
        let needs = Needs { postgres: options.postgres, redis: options.redis };
        let programs = Programs::find(&options.search, needs)?;
        let identity = Arc::new(Identity::of_servers(&programs).await?);
        let folder = Arc::new(DataFolder::open(&options.place, &identity)?);
        let report = options.report;

        let postgres = async {
            let Some(programs) = &programs.postgres else { return Ok(None) };
            let since = Instant::now();
            if postgres::initialise(programs, &folder, &identity).await? {
                report("created a Postgres data folder", since.elapsed());
            }
            let since = Instant::now();
            let server = postgres::start(programs, &folder, &identity, options.durable).await?;
            report(&format!("Postgres {} started", programs.version), since.elapsed());
            Ok::<_, ServersError>(Some(server))
        };
        let redis = async {
            let Some(program) = &programs.redis_server else { return Ok(None) };
            let since = Instant::now();
            let server = redis::start(program, &folder, redis::NAME, &identity, options.durable).await?;
            report("Redis started", since.elapsed());
            Ok(Some(server))
        };
        let (postgres, redis) = tokio::try_join!(postgres, redis)?;
        Ok(Self { postgres, redis, programs, identity, durable: options.durable, folder })
    }

    /// The URL of a database, in the form that sqlx and psql accept. Empty if Postgres was not started.
    #[must_use]
    pub fn database_url(&self, database: &str) -> String {
        self.postgres.as_ref().map(|postgres| postgres.url(database)).unwrap_or_default()
    }

    /// The URL of Redis.
    #[must_use]
    pub fn redis_url(&self) -> String {
        redis::url(&self.folder, redis::NAME)
    }

    /// Starts another, empty Redis and returns it with its URL. The name becomes part of a socket path, so keep it
    /// short.
    ///
    /// # Errors
    /// The options did not ask for Redis, or the server does not start.
    pub async fn another_redis(&self, name: &str) -> Result<(Server, String), ServersError> {
        let program = self.programs.redis_server.as_ref().ok_or(ServersError::NotStarted { name: "Redis" })?;
        let server = redis::start(program, &self.folder, name, &self.identity, self.durable).await?;
        Ok((server, redis::url(&self.folder, name)))
    }

    /// Creates a database if it does not exist.
    ///
    /// # Errors
    /// The options did not ask for Postgres, or `createdb` fails.
    pub async fn ensure_database(&self, name: &str) -> Result<(), ServersError> {
        match &self.postgres {
            Some(postgres) => postgres.ensure_database(name).await,
            None => Err(ServersError::NotStarted { name: "Postgres" }),
        }
    }

    /// The Postgres server, if it was started. Fault tests stop, kill and restart it.
    pub fn postgres(&mut self) -> Option<&mut Server> {
        self.postgres.as_mut().map(|postgres| &mut postgres.server)
    }

    /// The Redis server, if it was started. Fault tests stop, kill and restart it.
    pub fn redis(&mut self) -> Option<&mut Server> {
        self.redis.as_mut()
    }

    /// The log file of the server with this name, such as `postgres`.
    #[must_use]
    pub fn log(&self, name: &str) -> PathBuf {
        self.folder.log(name)
    }

    /// The data folder. Callers may keep other files there that should live as long as the data.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts a streaming standby of Postgres, for failover tests.
    ///
    /// # Errors
    /// The options did not ask for Postgres, `pg_basebackup` fails, or the standby does not start.
    pub async fn standby(&self) -> Result<Standby, ServersError> {
        let primary = self.postgres.as_ref().ok_or(ServersError::NotStarted { name: "Postgres" })?;
        Standby::start(primary, &self.folder, &self.identity, self.durable).await
    }

    /// Shuts both servers down gracefully and in parallel.
    pub async fn stop(mut self) {
        let Self { postgres, redis, .. } = &mut self;
        let postgres = async {
            if let Some(postgres) = postgres {
                postgres.server.stop().await;
            }
        };
        let redis = async {
            if let Some(redis) = redis {
                redis.stop().await;
            }
        };
        tokio::join!(postgres, redis);
    }
}
