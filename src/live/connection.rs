//! A client's TCP connection, shared by the HTTP server and the fan-out.
//!
//! The server's dispatcher reads from the connection and writes responses to it. The fan-out, on the same thread,
//! writes whole frames in between. The two never interleave:
//!
//! - a frame is written only while the dispatcher has nothing left to write;
//! - the rest of a partly written frame is sent before anything else that the dispatcher writes.

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::connection_handle::ConnectionHandle;

/// A shared TCP connection. Clones share it.
#[derive(Clone, Debug)]
pub struct Connection {
    shared: Rc<Shared>,
}

#[derive(Debug)]
struct Shared {
    stream: RefCell<TcpStream>,
    /// Whether the kernel has taken everything that the dispatcher wrote.
    flushed: Cell<bool>,
    /// The part of a directly written frame that the kernel has not taken yet.
    unsent: RefCell<Bytes>,
    handle: OnceCell<Arc<ConnectionHandle>>,
}

/// The outcome of a direct write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// The kernel took the whole frame.
    Whole,
    /// The kernel took the beginning. The dispatcher sends the rest once its task is woken.
    Part,
    /// Nothing was written: the dispatcher is writing, the send buffer is full, or the connection is closed.
    Nothing,
}

impl Connection {
    /// Wraps an accepted connection.
    #[must_use]
    pub fn new(stream: TcpStream) -> Self {
        let shared = Shared {
            stream: RefCell::new(stream),
            flushed: Cell::new(false),
            unsent: RefCell::default(),
            handle: OnceCell::new(),
        };
        Self { shared: Rc::new(shared) }
    }

    /// A handle that other threads may use. The first call duplicates the file descriptor.
    pub(super) fn handle(&self) -> io::Result<&Arc<ConnectionHandle>> {
        if let Some(handle) = self.shared.handle.get() {
            return Ok(handle);
        }
        let socket = SockRef::from(&*self.shared.stream.borrow()).try_clone()?;
        Ok(self.shared.handle.get_or_init(|| Arc::new(ConnectionHandle::new(socket))))
    }

    /// Writes a frame now, if that is possible without waiting.
    pub(super) fn try_write(&self, frame: &Bytes) -> Written {
        let shared = &*self.shared;
        if !shared.flushed.get() || !shared.unsent.borrow().is_empty() {
            return Written::Nothing;
        }
        match shared.stream.borrow().try_write(frame) {
            Ok(written) if written >= frame.len() => Written::Whole,
            Ok(written) => {
                shared.unsent.replace(frame.slice(written..));
                Written::Part
            }
            // The dispatcher notices a closed connection when it reads.
            Err(_) => Written::Nothing,
        }
    }

    /// Writes the rest of a partly written frame.
    fn poll_unsent(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut unsent = self.shared.unsent.borrow_mut();
        while !unsent.is_empty() {
            let mut stream = self.shared.stream.borrow_mut();
            let written = ready!(Pin::new(&mut *stream).poll_write(context, &unsent))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            unsent.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.shared.stream.borrow_mut()).poll_read(context, into)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.shared.flushed.set(false);
        ready!(self.poll_unsent(context))?;
        Pin::new(&mut *self.shared.stream.borrow_mut()).poll_write(context, bytes)
    }

    /// actix's dispatcher calls this whenever the dispatcher's write buffer is empty, even if nothing was written.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_unsent(context))?;
        self.shared.flushed.set(true);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_unsent(context))?;
        Pin::new(&mut *self.shared.stream.borrow_mut()).poll_shutdown(context)
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
