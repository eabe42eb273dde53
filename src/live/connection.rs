//! The TCP connection under a socket: what the kernel queues and how long it waits, and how to cut it from outside.

use std::any::Any;
use std::io;
use std::net::Shutdown;
use std::sync::Arc;

use actix_web::dev::Extensions;
use socket2::{SockRef, Socket};
use tokio::net::TcpStream;

use crate::config::LiveConfig;

/// A second handle to a client's connection. It lives in the connection's own data, so it ends with the connection;
/// others hold it weakly.
#[derive(Debug)]
pub struct Connection {
    handle: Socket,
}

/// Keeps a handle of each new connection, for the case that it becomes a socket. For `HttpServer::on_connect`.
pub fn on_connect(connection: &dyn Any, data: &mut Extensions) {
    let Some(stream) = connection.downcast_ref::<TcpStream>() else { return };
    match SockRef::from(stream).try_clone() {
        Ok(handle) => {
            data.insert(Arc::new(Connection { handle }));
        }
        Err(error) => tracing::warn!(%error, "a connection cannot be watched from outside"),
    }
}

impl Connection {
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
