//! The TCP connection under a socket: what the kernel queues and how long it waits, and how to cut it from outside.

use std::io;
use std::net::Shutdown;

use socket2::Socket;

use crate::config::LiveConfig;

/// A second handle to the connection of a socket, for other threads. It ends with the connection; they hold it weakly.
#[derive(Debug)]
pub struct Connection {
    handle: Socket,
}

impl Connection {
    pub(super) const fn new(handle: Socket) -> Self {
        Self { handle }
    }

    /// Prepares the connection for frames: small, seldom, and to readers who may stall.
    ///
    /// Only sockets get the small buffer; pages and pictures go faster with the one that the kernel sizes by itself.
    pub(super) fn prepare(&self, config: &LiveConfig) -> io::Result<()> {
        self.handle.set_tcp_nodelay(true)?;
        self.handle.set_send_buffer_size(config.send_buffer_bytes)?;
        #[cfg(target_os = "linux")]
        self.handle.set_tcp_user_timeout(Some(config.user_timeout))?;
        Ok(())
    }

    /// Ends the connection at once. Its task wakes up and finds it closed, also when it was waiting to write.
    pub(super) fn cut(&self) {
        if let Err(error) = self.handle.shutdown(Shutdown::Both) {
            // The client was faster.
            tracing::debug!(%error, "the connection was gone already");
        }
    }
}
