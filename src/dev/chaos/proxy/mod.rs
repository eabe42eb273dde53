//! A proxy between two processes that simulates network faults.
//!
//! Owns the listener that one side connects to, and every connection over the link. A change of the mode also affects
//! open connections and bytes in transit. The proxy never alters bytes.

mod mode;
mod relay;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;

pub(super) use mode::Mode;

/// A link between two processes that passes through this process.
pub(super) struct Link {
    mode: watch::Sender<Mode>,
}

impl Link {
    /// Creates a link to a TCP address. Returns it with the address to connect to.
    pub(super) async fn tcp(to: SocketAddr) -> io::Result<(Self, SocketAddr)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let mode = watch::Sender::new(Mode::Pass);
        let watched = mode.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                client.set_nodelay(true).ok();
                let mode = watched.subscribe();
                tokio::spawn(async move {
                    if mode.borrow().lets_connect()
                        && let Ok(upstream) = TcpStream::connect(to).await
                    {
                        upstream.set_nodelay(true).ok();
                        relay::run(client, upstream, &mode).await;
                    }
                });
            }
        });
        Ok((Self { mode }, address))
    }

    /// Creates a link from one Unix socket to another.
    pub(super) fn unix(from: &Path, to: PathBuf) -> io::Result<Self> {
        let listener = UnixListener::bind(from)?;
        let mode = watch::Sender::new(Mode::Pass);
        let watched = mode.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (mode, to) = (watched.subscribe(), to.clone());
                tokio::spawn(async move {
                    if mode.borrow().lets_connect()
                        && let Ok(upstream) = UnixStream::connect(to).await
                    {
                        relay::run(client, upstream, &mode).await;
                    }
                });
            }
        });
        Ok(Self { mode })
    }

    /// Changes the mode of the link.
    pub(super) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}
