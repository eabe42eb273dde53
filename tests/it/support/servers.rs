//! One pair of private servers for this process, and in it a database of its own for each test.
//!
//! Postgres is migrated once, into a template; a clone takes 0.1 s. The servers end with the process by themselves:
//! statics are never dropped. See `muster::dev::servers`.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use muster::dev::servers::{Options, Servers};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::sync::OnceCell;

use super::clock;

const TEMPLATE: &str = "muster_template";

/// Databases of tests that are over; the next test drops them.
static USED: Mutex<Vec<String>> = Mutex::new(Vec::new());
static COUNT: AtomicU32 = AtomicU32::new(0);

/// Where one test's data is. Its name is the database's name and the prefix of the keys in Redis.
pub struct Home {
    pub name: String,
    pub database_url: String,
    pub redis_url: String,
}

impl Home {
    /// A clone in the servers of this process.
    pub async fn shared() -> Self {
        static SHARED: OnceCell<Servers> = OnceCell::const_new();
        let start = || async {
            let servers = Servers::start(Options::temporary()).await.unwrap();
            make_template(&servers).await;
            servers
        };
        Self::clone_in(SHARED.get_or_init(start).await).await
    }

    /// The only database in servers of its own, for tests that stop or kill them.
    pub async fn private() -> (Self, Servers) {
        let servers = Servers::start(Options::temporary()).await.unwrap();
        make_template(&servers).await;
        (Self::clone_in(&servers).await, servers)
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

    /// A connection beside the node's, to look at or to break what it stores.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.database_url).await.unwrap()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Ok(mut used) = USED.lock() {
            used.push(self.name.clone());
        }
    }
}

async fn make_template(servers: &Servers) {
    servers.ensure_database(TEMPLATE).await.unwrap();
    let mut template = PgConnection::connect(&servers.database_url(TEMPLATE)).await.unwrap();
    sqlx::migrate!().run(&mut template).await.unwrap();
    clock::install(&mut template).await;
    // A database that somebody is connected to cannot be a template.
    template.close().await.unwrap();
}
