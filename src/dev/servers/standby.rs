//! A streaming standby of the private Postgres, for failover tests.

use std::path::PathBuf;
use std::sync::Arc;

use super::error::{ServersError, io};
use super::folder::DataFolder;
use super::identity::Identity;
use super::postgres::{self, Paths, Postgres, run_to_success};
use super::process::helper;
use super::psql::{PORT, SOCKET, USER};
use super::server::Server;

/// A standby that replicates from a running Postgres.
#[derive(Debug)]
pub struct Standby {
    postgres: Postgres,
    /// The folder of the primary's socket.
    primary_sockets: PathBuf,
}

impl Standby {
    pub(super) async fn start(
        primary: &Postgres,
        folder: &Arc<DataFolder>,
        identity: &Arc<Identity>,
        durable: bool,
    ) -> Result<Self, ServersError> {
        let paths = Paths {
            data: folder.path().join("standby"),
            sockets: folder.sockets().join("standby"),
            log: folder.log("standby"),
        };
        identity.give_folder(&paths.data)?;
        identity.give_folder(&paths.sockets)?;
        let program = primary.programs.program("pg_basebackup");
        let mut copy = helper(&program, identity);
        copy.arg("-h").arg(&primary.sockets).args(["-p", PORT, "-U", USER, "-R", "-X", "stream", "-c", "fast"]);
        copy.arg("--no-sync").arg("-D").arg(&paths.data).current_dir(&paths.data);
        run_to_success(&program, &mut copy).await?;
        let postgres = postgres::start_at(paths, &primary.programs, folder, identity, durable).await?;
        Ok(Self { postgres, primary_sockets: primary.sockets.clone() })
    }

    /// The URL of a database on the standby. The database is read-only until the standby takes over.
    #[must_use]
    pub fn database_url(&self, database: &str) -> String {
        self.postgres.url(database)
    }

    /// The server process of the standby.
    pub fn server(&mut self) -> &mut Server {
        &mut self.postgres.server
    }

    /// Stops replication. Later commits on the primary are lost in a failover.
    ///
    /// # Errors
    /// The standby does not answer.
    pub async fn stop_receiving(&self) -> Result<(), ServersError> {
        self.postgres.run("ALTER SYSTEM SET primary_conninfo = ''").await?;
        self.postgres.run("SELECT pg_reload_conf()").await?;
        let wait_for_receiver_to_stop = "DO $$ BEGIN
            WHILE EXISTS (SELECT FROM pg_stat_wal_receiver) LOOP PERFORM pg_sleep(0.01); END LOOP;
        END $$";
        self.postgres.run(wait_for_receiver_to_stop).await
    }

    /// Promotes the standby and makes it reachable at the old primary's URL. The old primary must have ended.
    ///
    /// # Errors
    /// The standby does not answer, or the old primary's socket cannot be replaced.
    pub async fn take_over(&self) -> Result<(), ServersError> {
        self.postgres.run("SELECT pg_promote()").await?;
        let (own, old) = (self.postgres.sockets.join(SOCKET), self.primary_sockets.join(SOCKET));
        if old.symlink_metadata().is_ok() {
            std::fs::remove_file(&old).map_err(io("removing", &old))?;
        }
        std::os::unix::fs::symlink(&own, &old).map_err(io("creating a link to", &own))
    }
}
