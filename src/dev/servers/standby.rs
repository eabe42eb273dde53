//! A second Postgres that follows the first over a stream, and can take its place.

use std::path::PathBuf;
use std::sync::Arc;

use super::error::{ServersError, io};
use super::folder::DataFolder;
use super::identity::Identity;
use super::postgres::{self, At, PORT, Postgres, SOCKET, USER, succeed};
use super::process::helper;
use super::server::Server;

/// A copy of a running Postgres that follows it.
#[derive(Debug)]
pub struct Standby {
    postgres: Postgres,
    /// Where clients look for the primary.
    primary: PathBuf,
}

impl Standby {
    pub(super) async fn start(
        primary: &Postgres,
        folder: &Arc<DataFolder>,
        identity: &Arc<Identity>,
        durable: bool,
    ) -> Result<Self, ServersError> {
        let at = At {
            data: folder.path().join("standby"),
            sockets: folder.sockets().join("standby"),
            log: folder.log("standby"),
        };
        identity.give_folder(&at.data)?;
        identity.give_folder(&at.sockets)?;
        let program = primary.programs.program("pg_basebackup");
        let mut copy = helper(&program, identity);
        copy.arg("-h").arg(&primary.sockets).args(["-p", PORT, "-U", USER, "-R", "-X", "stream", "-c", "fast"]);
        copy.arg("--no-sync").arg("-D").arg(&at.data).current_dir(&at.data);
        succeed(&program, &mut copy).await?;
        let postgres = postgres::start_at(at, &primary.programs, folder, identity, durable).await?;
        Ok(Self { postgres, primary: primary.sockets.clone() })
    }

    /// The address of a database here: for reading, until it is promoted.
    #[must_use]
    pub fn database_url(&self, database: &str) -> String {
        self.postgres.url(database)
    }

    /// The server.
    pub fn server(&mut self) -> &mut Server {
        &mut self.postgres.server
    }

    /// Receives nothing any more: what is committed from now on is lost with the primary.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn stop_receiving(&self) -> Result<(), ServersError> {
        self.postgres.run("ALTER SYSTEM SET primary_conninfo = ''").await?;
        self.postgres.run("SELECT pg_reload_conf()").await?;
        let until_it_has_stopped = "DO $$ BEGIN
            WHILE EXISTS (SELECT FROM pg_stat_wal_receiver) LOOP PERFORM pg_sleep(0.01); END LOOP;
        END $$";
        self.postgres.run(until_it_has_stopped).await
    }

    /// Becomes the primary, under the address of the old one, which must be gone.
    ///
    /// # Errors
    /// It does not answer, or the socket of the old one is in the way.
    pub async fn take_over(&self) -> Result<(), ServersError> {
        self.postgres.run("SELECT pg_promote()").await?;
        let (here, there) = (self.postgres.sockets.join(SOCKET), self.primary.join(SOCKET));
        if there.symlink_metadata().is_ok() {
            std::fs::remove_file(&there).map_err(io("removing", &there))?;
        }
        std::os::unix::fs::symlink(&here, &there).map_err(io("leading clients to", &here))
    }
}
