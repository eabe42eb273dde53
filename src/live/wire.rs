//! A client's TCP connection, which frames may be written to past the HTTP server.
//!
//! The server's dispatcher owns one end and writes answers through it, as to any connection; who holds the other end, in the
//! same thread, may write a whole frame in between. The two never mix: a frame is taken only when the dispatcher has nothing
//! left to write, and what the kernel did not take of a frame goes out before anything of the dispatcher's.

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

use super::connection::Connection;

/// One end of a connection. Clones are ends of the same one.
#[derive(Clone, Debug)]
pub struct Wire {
    shared: Rc<Shared>,
}

#[derive(Debug)]
struct Shared {
    stream: RefCell<TcpStream>,
    /// Whether the kernel has taken all that the dispatcher had to write.
    flushed: Cell<bool>,
    /// What the kernel has not taken yet of a frame that was written past the dispatcher.
    rest: RefCell<Bytes>,
    connection: OnceCell<Arc<Connection>>,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The kernel has it.
    Whole,
    /// The kernel has the beginning of it. The rest goes as soon as it can, once the dispatcher has been woken.
    Begun,
    /// Nothing was written: the dispatcher is writing, the kernel takes nothing, or the connection is gone.
    Not,
}

impl Wire {
    /// The connection that was accepted.
    #[must_use]
    pub fn new(stream: TcpStream) -> Self {
        let shared = Shared {
            stream: RefCell::new(stream),
            flushed: Cell::new(false),
            rest: RefCell::default(),
            connection: OnceCell::new(),
        };
        Self { shared: Rc::new(shared) }
    }

    /// The connection as others see it, who may be in another thread. Costs an open file from the first call on.
    pub(super) fn connection(&self) -> io::Result<&Arc<Connection>> {
        if let Some(known) = self.shared.connection.get() {
            return Ok(known);
        }
        let handle = SockRef::from(&*self.shared.stream.borrow()).try_clone()?;
        Ok(self.shared.connection.get_or_init(|| Arc::new(Connection::new(handle))))
    }

    /// Writes a frame now, if that is possible without waiting.
    pub(super) fn send(&self, frame: &Bytes) -> Sent {
        let shared = &*self.shared;
        if !shared.flushed.get() || !shared.rest.borrow().is_empty() {
            return Sent::Not;
        }
        match shared.stream.borrow().try_write(frame) {
            Ok(written) if written >= frame.len() => Sent::Whole,
            Ok(written) => {
                shared.rest.replace(frame.slice(written..));
                Sent::Begun
            }
            // Who is gone is noticed by the dispatcher, when it reads.
            Err(_) => Sent::Not,
        }
    }

    /// Writes what is left of a frame.
    fn poll_rest(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut rest = self.shared.rest.borrow_mut();
        while !rest.is_empty() {
            let mut stream = self.shared.stream.borrow_mut();
            let written = ready!(Pin::new(&mut *stream).poll_write(context, &rest))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            rest.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.shared.stream.borrow_mut()).poll_read(context, into)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.shared.flushed.set(false);
        ready!(self.poll_rest(context))?;
        Pin::new(&mut *self.shared.stream.borrow_mut()).poll_write(context, bytes)
    }

    /// The dispatcher calls this each time when it has written all that it had, also if that was nothing.
    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_rest(context))?;
        self.shared.flushed.set(true);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_rest(context))?;
        Pin::new(&mut *self.shared.stream.borrow_mut()).poll_shutdown(context)
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
