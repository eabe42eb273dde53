//! Private Redis and Postgres servers, as children of this process: for `muster dev` and for the tests.
//!
//! They listen on Unix sockets only, in a data folder of their own, and touch nothing of the machine's own servers.
//! What holds:
//!
//! - One owner per data folder; a second one is refused, not waited for.
//! - When this process ends they end, also after `kill -9`: see `process` and `keeper`.
//! - "Started" means that a query was answered.
//! - They never run as root, because Postgres refuses to.

mod error;
mod folder;
mod identity;
mod keeper;
mod postgres;
mod probe;
mod process;
#[cfg(any(debug_assertions, feature = "failpoints"))]
mod program;
mod programs;
mod redis;
mod server;
mod standby;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

pub use self::error::{MissingProgram, ServersError};
use self::folder::DataFolder;
use self::identity::Identity;
use self::postgres::Postgres;
#[cfg(any(debug_assertions, feature = "failpoints"))]
pub use self::program::Program;
pub use self::programs::Search;
use self::programs::{Needs, Programs};
pub use self::server::{DataCopy, Server};
pub use self::standby::Standby;

/// Where the servers keep their data.
#[derive(Clone, Debug)]
pub enum Place {
    /// In a folder that stays.
    Folder(PathBuf),
    /// In a folder of the system's temporary directory, removed at the end; after a `kill -9`, by the next owner of one.
    Temporary,
}

/// Which servers to start, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the data is.
    pub place: Place,
    /// Whether what was acknowledged survives the machine (it always survives the process).
    pub durable: bool,
    /// Start Postgres.
    pub postgres: bool,
    /// Start Redis.
    pub redis: bool,
    /// Where to look for programs.
    pub search: Search,
    /// Told each step with what it took, as a line for people.
    pub report: fn(&str, std::time::Duration),
}

impl Options {
    /// Both servers, data kept in the folder.
    #[must_use]
    pub fn persistent(folder: impl Into<PathBuf>) -> Self {
        let place = Place::Folder(folder.into());
        Self { place, durable: true, ..Self::temporary() }
    }

    /// Both servers for the time of this process, fast instead of durable.
    #[must_use]
    pub fn temporary() -> Self {
        Self {
            place: Place::Temporary,
            durable: false,
            postgres: true,
            redis: true,
            search: Search::of_system(),
            report: |_, _| {},
        }
    }
}

/// Running servers. Dropping them stops them; [`Servers::stop`] does it without blocking a thread.
#[derive(Debug)]
pub struct Servers {
    postgres: Option<Postgres>,
    redis: Option<Server>,
    programs: Programs,
    identity: Arc<Identity>,
    durable: bool,
    // Last, so that it is unlocked and removed when the servers are gone.
    folder: Arc<DataFolder>,
}

impl Servers {
    /// Finds the programs, takes the data folder and starts what was asked for.
    ///
    /// # Errors
    /// All programs that are missing, with the command that installs them; a folder that another process uses; a server
    /// that does not start, with the end of its log.
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
                report("made a Postgres data folder", since.elapsed());
            }
            let since = Instant::now();
            let server = postgres::start(programs, &folder, &identity, options.durable).await?;
            report(&format!("Postgres {} answers", programs.version), since.elapsed());
            Ok::<_, ServersError>(Some(server))
        };
        let redis = async {
            let Some(program) = &programs.redis_server else { return Ok(None) };
            let since = Instant::now();
            let server = redis::start(program, &folder, redis::NAME, &identity, options.durable).await?;
            report("Redis answers", since.elapsed());
            Ok(Some(server))
        };
        let (postgres, redis) = tokio::try_join!(postgres, redis)?;
        Ok(Self { postgres, redis, programs, identity, durable: options.durable, folder })
    }

    /// The address of a database, as sqlx and psql read it. Empty without Postgres.
    #[must_use]
    pub fn database_url(&self, database: &str) -> String {
        self.postgres.as_ref().map(|postgres| postgres.url(database)).unwrap_or_default()
    }

    /// The address of Redis. Empty without Redis.
    #[must_use]
    pub fn redis_url(&self) -> String {
        redis::url(&self.folder, redis::NAME)
    }

    /// Starts one more Redis, empty, and answers its address: for tests of replicas. The name is that of its socket: short.
    ///
    /// # Errors
    /// Redis was not started, or does not start.
    pub async fn another_redis(&self, name: &str) -> Result<(Server, String), ServersError> {
        let program = self.programs.redis_server.as_ref().ok_or(ServersError::NotStarted { name: "Redis" })?;
        let server = redis::start(program, &self.folder, name, &self.identity, self.durable).await?;
        Ok((server, redis::url(&self.folder, name)))
    }

    /// Makes a database unless it is there.
    ///
    /// # Errors
    /// Postgres was not started, or refuses.
    pub async fn ensure_database(&self, name: &str) -> Result<(), ServersError> {
        match &self.postgres {
            Some(postgres) => postgres.ensure_database(name).await,
            None => Err(ServersError::NotStarted { name: "Postgres" }),
        }
    }

    /// The Postgres server, to be stopped, killed or restarted by fault tests.
    pub fn postgres(&mut self) -> Option<&mut Server> {
        self.postgres.as_mut().map(|postgres| &mut postgres.server)
    }

    /// The Redis server, to be stopped, killed or restarted by fault tests.
    pub fn redis(&mut self) -> Option<&mut Server> {
        self.redis.as_mut()
    }

    /// The file that Postgres or Redis logs to.
    #[must_use]
    pub fn log(&self, name: &str) -> PathBuf {
        self.folder.log(name)
    }

    /// Where the data is; other things that should live as long may be kept there.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts one more Postgres that follows the first: for tests of failovers.
    ///
    /// # Errors
    /// Postgres was not started, cannot be copied, or the copy does not start.
    pub async fn standby(&self) -> Result<Standby, ServersError> {
        let primary = self.postgres.as_ref().ok_or(ServersError::NotStarted { name: "Postgres" })?;
        Standby::start(primary, &self.folder, &self.identity, self.durable).await
    }

    /// Stops both gracefully, at the same time.
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
