//! A handle to a client's TCP connection: sets its socket options and shuts it down from another thread.

use std::io;
use std::net::Shutdown;

use socket2::Socket;

use crate::config::LiveConfig;

/// A duplicated file descriptor of a connection. The connection owns it; other threads hold weak references.
#[derive(Debug)]
pub struct ConnectionHandle {
    socket: Socket,
}

impl ConnectionHandle {
    pub(super) const fn new(socket: Socket) -> Self {
        Self { socket }
    }

    /// Sets the socket options for frames, which are small, infrequent and sent to readers that may stall.
    ///
    /// Only WebSocket connections get the small send buffer. Pages and pictures are faster with the size that the
    /// kernel chooses.
    pub(super) fn configure(&self, config: &LiveConfig) -> io::Result<()> {
        self.socket.set_tcp_nodelay(true)?;
        self.socket.set_send_buffer_size(config.send_buffer_bytes)?;
        #[cfg(target_os = "linux")]
        self.socket.set_tcp_user_timeout(Some(config.user_timeout))?;
        Ok(())
    }

    /// Shuts the connection down immediately. Its task wakes up, even from a blocked write, and sees the shutdown.
    pub(super) fn shut_down(&self) {
        if let Err(error) = self.socket.shutdown(Shutdown::Both) {
            // The client closed it first.
            tracing::debug!(%error, "the connection was already closed");
        }
    }
}
