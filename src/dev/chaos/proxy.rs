//! A proxy between two parts that can be told to misbehave: over Unix sockets to the servers, over TCP to the nodes.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How a connection is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As if there were no proxy.
    Pass,
    /// Nothing goes through, and nobody is told: as when a cable is pulled. What was sent arrives when it is back.
    Cut,
    /// Everything arrives this much later.
    Delay(Duration),
    /// What was asked arrives; instead of the reply, the connection ends.
    ResetOnReply,
    /// So many bytes a second.
    Slow(u32),
}

/// A proxy. Ends when it is dropped.
pub struct Proxy {
    mode: watch::Sender<Mode>,
    accepting: JoinHandle<()>,
    socket: Option<PathBuf>,
}

impl Proxy {
    /// Listens on one Unix socket and connects to another.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn unix(listen: &Path, to: PathBuf) -> io::Result<Self> {
        let listener = UnixListener::bind(listen)?;
        let mode = watch::Sender::new(Mode::Pass);
        let modes = mode.subscribe();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (to, modes) = (to.clone(), modes.clone());
                tokio::spawn(async move {
                    passing(modes.clone()).await;
                    if let Ok(server) = UnixStream::connect(&to).await {
                        let (client, server) = (client.into_split(), server.into_split());
                        carry(client.0, client.1, server.0, server.1, modes).await;
                    }
                });
            }
        });
        Ok(Self { mode, accepting, socket: Some(listen.to_owned()) })
    }

    /// Listens on a free port of this machine and connects to a node.
    ///
    /// # Errors
    /// No port is free.
    pub async fn tcp(to: SocketAddr) -> io::Result<(Self, SocketAddr)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let mode = watch::Sender::new(Mode::Pass);
        let modes = mode.subscribe();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let modes = modes.clone();
                tokio::spawn(async move {
                    passing(modes.clone()).await;
                    if let Ok(server) = TcpStream::connect(to).await {
                        // Ended early, both ends get a reset instead of a polite goodbye.
                        client.set_zero_linger().ok();
                        server.set_zero_linger().ok();
                        let (client, server) = (client.into_split(), server.into_split());
                        carry(client.0, client.1, server.0, server.1, modes).await;
                    }
                });
            }
        });
        Ok((Self { mode, accepting, socket: None }, address))
    }

    /// From now on, also for the connections that there are.
    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        if let Some(socket) = &self.socket {
            std::fs::remove_file(socket).ok();
        }
    }
}

/// Waits until the line is not cut.
async fn passing(mut modes: watch::Receiver<Mode>) {
    modes.wait_for(|mode| *mode != Mode::Cut).await.ok();
}

async fn carry(
    from_client: impl AsyncRead + Unpin,
    to_client: impl AsyncWrite + Unpin,
    from_server: impl AsyncRead + Unpin,
    to_server: impl AsyncWrite + Unpin,
    modes: watch::Receiver<Mode>,
) {
    // Whichever side ends first ends both: a half-open connection is not what is tested here.
    tokio::select! {
        _ = pump(from_client, to_server, modes.clone(), false) => {}
        _ = pump(from_server, to_client, modes, true) => {}
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    modes: watch::Receiver<Mode>,
    replies: bool,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        passing(modes.clone()).await;
        let mode = *modes.borrow();
        match mode {
            Mode::Pass | Mode::Cut => {}
            Mode::Delay(delay) => tokio::time::sleep(delay).await,
            Mode::ResetOnReply if replies => return Ok(()),
            Mode::ResetOnReply => {}
            Mode::Slow(bytes_per_s) => {
                let bytes = u32::try_from(read).unwrap_or(u32::MAX);
                tokio::time::sleep(Duration::from_secs(1) * bytes / bytes_per_s.max(1)).await;
            }
        }
        to.write_all(buffer.get(..read).unwrap_or_default()).await?;
    }
}
