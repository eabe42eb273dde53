//! The control block that the socket registry shares with the task that serves one socket.
//!
//! It holds flags instead of a queue: a second ping before the first is sent adds nothing, and a socket closes only
//! once.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::Waker;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

use super::close_reason::CloseReason;

/// A command to a socket's task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Send a ping.
    Ping,
    /// Send a close frame and end.
    Close(CloseReason),
}

/// The pending commands of one socket, and the time of its last read.
#[derive(Debug)]
pub struct SocketControl {
    opened_at: Instant,
    /// When the last read happened, in milliseconds after `opened_at`.
    last_read_ms: AtomicU64,
    ping: AtomicBool,
    /// The [`CloseReason`] as a number; 0 while no close is requested.
    close: AtomicU8,
    waker: AtomicWaker,
}

impl SocketControl {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            opened_at: now,
            last_read_ms: AtomicU64::new(0),
            ping: AtomicBool::new(false),
            close: AtomicU8::new(0),
            waker: AtomicWaker::new(),
        }
    }

    /// Records that the client sent something.
    pub(super) fn record_read(&self, now: Instant) {
        let after = now.saturating_duration_since(self.opened_at).as_millis();
        self.last_read_ms.store(u64::try_from(after).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How long ago the client last sent something.
    pub(super) fn idle_for(&self, now: Instant) -> Duration {
        let last_read = Duration::from_millis(self.last_read_ms.load(Ordering::Relaxed));
        now.saturating_duration_since(self.opened_at).saturating_sub(last_read)
    }

    /// Sets a command and wakes the socket's task.
    pub(super) fn send(&self, command: Command) {
        match command {
            Command::Ping => self.ping.store(true, Ordering::Release),
            Command::Close(reason) => self.close.store(reason as u8, Ordering::Release),
        }
        self.wake();
    }

    /// Wakes the socket's task to check for commands and frames.
    pub(super) fn wake(&self) {
        self.waker.wake();
    }

    /// Takes the pending command, if any, and registers `waker` for the next one.
    pub(super) fn next_command(&self, waker: &Waker) -> Option<Command> {
        // Registered before the flags are read: a command set in between wakes the task again.
        self.waker.register(waker);
        if let Some(reason) = CloseReason::from_number(self.close.load(Ordering::Acquire)) {
            return Some(Command::Close(reason));
        }
        self.ping.swap(false, Ordering::AcqRel).then_some(Command::Ping)
    }
}
