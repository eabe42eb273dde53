//! Readiness probes. A server is ready when it answers a query.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::psql;

/// How long to wait for the answer of one probe.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How to query a server.
#[derive(Debug)]
pub(super) enum Probe {
    /// `PING` on this socket.
    Redis { socket: PathBuf },
    /// `SELECT 1` with psql on the socket in this folder.
    Postgres { psql: PathBuf, sockets: PathBuf },
}

impl Probe {
    pub(super) async fn is_answered(&self) -> bool {
        match self {
            Self::Redis { socket } => matches!(tokio::time::timeout(TIMEOUT, ping(socket)).await, Ok(Ok(true))),
            Self::Postgres { psql, sockets } => {
                let mut query = psql::command(psql, sockets, "postgres");
                query.args(["-c", "SELECT 1"]);
                matches!(tokio::time::timeout(TIMEOUT, query.output()).await, Ok(Ok(output)) if output.status.success())
            }
        }
    }

    /// Whether any process listens on the socket. If this process has started none, it is the server of a killed owner.
    pub(super) async fn is_occupied(&self) -> bool {
        let socket = match self {
            Self::Redis { socket } => socket.clone(),
            Self::Postgres { sockets, .. } => sockets.join(psql::SOCKET),
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
