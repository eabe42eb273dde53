//! One pair of private servers for this process, and in them a database and a key prefix for each test.
//!
//! Postgres is migrated once, into a template that tests clone. The servers watch for the end of the process,
//! because statics are never dropped. See `muster::dev::servers`.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use muster::dev::servers::{Options, Servers};
use muster::domain::DealId;
use muster::quota::Keys;
use muster::store::{self, Store};
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, AsyncConnectionConfig};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::sync::OnceCell;

use super::clock;
use super::fault::wait_until;

const TEMPLATE: &str = "muster_template";

/// Databases of finished tests, which the next test drops.
static USED: Mutex<Vec<String>> = Mutex::new(Vec::new());
static COUNT: AtomicU32 = AtomicU32::new(0);

/// One test's database and key prefix in Redis. Both have its name.
pub struct Backend {
    pub name: String,
    pub database_url: String,
    pub redis_url: String,
}

impl Backend {
    /// A clone of the template, in the servers of this process.
    pub async fn shared() -> Self {
        Self::clone_in(shared().await).await
    }

    /// A key prefix in the Redis of this process, without a database.
    pub async fn redis_only() -> Self {
        let name = format!("test{}", COUNT.fetch_add(1, Ordering::Relaxed));
        Self { database_url: String::new(), redis_url: shared().await.redis_url(), name }
    }

    /// A clone of the template in servers of its own, for tests that stop or kill them.
    pub async fn private() -> (Self, Servers) {
        let servers = Servers::start(Options::temporary()).await.unwrap();
        make_template(&servers).await;
        (Self::clone_in(&servers).await, servers)
    }

    /// An empty database in the servers of this process.
    pub async fn empty() -> Self {
        let servers = shared().await;
        let name = format!("test{}", COUNT.fetch_add(1, Ordering::Relaxed));
        servers.ensure_database(&name).await.unwrap();
        Self { database_url: servers.database_url(&name), redis_url: servers.redis_url(), name }
    }

    async fn clone_in(servers: &Servers) -> Self {
        let name = format!("test{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let used = std::mem::take(&mut *USED.lock().unwrap());
        let mut admin = PgConnection::connect(&servers.database_url("postgres")).await.unwrap();
        for old in used {
            admin.execute(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {old} WITH (FORCE)"))).await.unwrap();
        }
        admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))).await.unwrap();
        Self { database_url: servers.database_url(&name), redis_url: servers.redis_url(), name }
    }

    /// The names of a deal's keys in Redis, without their common prefix.
    pub async fn keys_of(&self, deal: DealId) -> Vec<String> {
        let of_deal = Keys::new(&self.name).quota(deal).replace("quota", "");
        let keys: Vec<String> = self.redis().await.keys(format!("{of_deal}*")).await.unwrap();
        let mut names: Vec<_> = keys.iter().map(|key| key[of_deal.len()..].to_owned()).collect();
        names.sort();
        names
    }

    /// Waits until a deal has no hold, so Redis has received every join that was answered.
    pub async fn wait_until_nothing_is_held(&self, deal: DealId) {
        let (mut redis, holds) = (self.redis().await, Keys::new(&self.name).holds(deal));
        wait_until("the deal has no hold", async || redis.zcard::<_, i64>(&holds).await.unwrap() == 0).await;
    }

    /// Deletes this test's keys, because `FLUSHALL` would delete those of other tests.
    pub async fn flush_redis(&self) {
        let mut redis = self.redis().await;
        let keys: Vec<String> = redis.keys(format!("{}:*", self.name)).await.unwrap();
        if !keys.is_empty() {
            let () = redis.del(keys).await.unwrap();
        }
    }

    /// The log file of the Postgres server.
    pub async fn postgres_log(&self) -> PathBuf {
        let data: String =
            sqlx::query_scalar("SHOW data_directory").fetch_one(&mut self.connect().await).await.unwrap();
        PathBuf::from(data).parent().unwrap().join("log/postgres.log")
    }

    /// A connection to Redis beside the nodes'.
    pub async fn redis(&self) -> MultiplexedConnection {
        let patience = Some(Duration::from_secs(30));
        let config = AsyncConnectionConfig::new().set_connection_timeout(patience).set_response_timeout(patience);
        let client = redis::Client::open(self.redis_url.as_str()).unwrap();
        client.get_multiplexed_async_connection_with_config(&config).await.unwrap()
    }

    /// A connection to Postgres beside the nodes'.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.database_url).await.unwrap()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        if !self.database_url.is_empty()
            && let Ok(mut used) = USED.lock()
        {
            used.push(self.name.clone());
        }
    }
}

/// The servers of this process.
async fn shared() -> &'static Servers {
    static SHARED: OnceCell<Servers> = OnceCell::const_new();
    let start = || async {
        let servers = Servers::start(Options::temporary()).await.unwrap();
        make_template(&servers).await;
        servers
    };
    SHARED.get_or_init(start).await
}

async fn make_template(servers: &Servers) {
    servers.ensure_database(TEMPLATE).await.unwrap();
    let store = Store::new(&store_settings(servers.database_url(TEMPLATE))).unwrap();
    store.migrate().await.unwrap();
    store.close().await;
    let mut template = PgConnection::connect(&servers.database_url(TEMPLATE)).await.unwrap();
    clock::install(&mut template).await;
    // A database with connections cannot be a template.
    template.close().await.unwrap();
}

/// The settings of a store with one connection.
pub fn store_settings(database_url: String) -> store::Settings {
    store::Settings {
        url: database_url.into(),
        pool_max: 1,
        acquire_timeout: Duration::from_secs(30),
        statement_timeout: Duration::from_secs(30),
        lock_timeout: Duration::from_secs(30),
        lane_lock_timeout: Duration::from_secs(30),
    }
}
