//! Asking a server whether it is ready: only an answered query counts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::process::Command;

/// No answer within this time is none.
const PATIENCE: Duration = Duration::from_secs(2);

/// How to ask.
#[derive(Debug)]
pub(super) enum Probe {
    /// `PING` over this socket.
    Redis { socket: PathBuf },
    /// `SELECT 1` with psql over the socket in this folder.
    Postgres { psql: PathBuf, sockets: PathBuf },
}

impl Probe {
    pub(super) async fn is_answered(&self) -> bool {
        match self {
            Self::Redis { socket } => matches!(tokio::time::timeout(PATIENCE, ping(socket)).await, Ok(Ok(true))),
            Self::Postgres { psql, sockets } => {
                let mut query = psql_command(psql, sockets, "postgres");
                query.args(["-c", "SELECT 1"]);
                matches!(tokio::time::timeout(PATIENCE, query.output()).await, Ok(Ok(output)) if output.status.success())
            }
        }
    }

    /// Whether somebody listens there at all: a server of an owner that was killed, about to end.
    pub(super) async fn is_occupied(&self) -> bool {
        let socket = match self {
            Self::Redis { socket } => socket.clone(),
            Self::Postgres { sockets, .. } => sockets.join(super::postgres::SOCKET),
        };
        UnixStream::connect(socket).await.is_ok()
    }
}

async fn ping(socket: &Path) -> std::io::Result<bool> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(b"PING\r\n").await?;
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await?;
    Ok(&answer == b"+PONG")
}

/// A psql that reads no settings of the user's.
pub(super) fn psql_command(psql: &Path, sockets: &Path, database: &str) -> Command {
    let mut command = std::process::Command::new(psql);
    super::process::without_environment_of_others(&mut command);
    command.args(["-X", "-q", "-t", "-A", "-U", super::postgres::USER, "-p", super::postgres::PORT, "-d", database]);
    command.arg("-h").arg(sockets).stdin(std::process::Stdio::null());
    let mut command = Command::from(command);
    command.kill_on_drop(true);
    command
}
