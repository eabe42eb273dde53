//! The line between the registry of sockets and the task that serves one of them.
//!
//! A few words of memory instead of a queue: a second ping before the first was sent adds nothing, and a socket leaves once.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::Waker;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::Instant;

/// What the registry wants of a socket's task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Ping the client.
    Ping,
    /// Say farewell and end.
    Leave(Farewell),
}

/// Why the server ends a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Farewell {
    /// The node is shutting down; come back to another.
    Restart = 1,
    /// Nothing was heard for too long.
    Silent,
    /// More bytes or messages came than allowed.
    OverBudget,
    /// A message was above the size limit.
    TooBig,
    /// A message came in fragments, which are not put together here.
    Fragmented,
    /// It was not WebSocket.
    Protocol,
}

impl Farewell {
    const ALL: [Self; 6] =
        [Self::Restart, Self::Silent, Self::OverBudget, Self::TooBig, Self::Fragmented, Self::Protocol];

    fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|farewell| *farewell as u8 == number)
    }

    /// The close code (RFC 6455, 7.4.1, and the IANA registry for 1012).
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Restart => 1012,
            Self::Silent | Self::OverBudget => 1008,
            Self::TooBig => 1009,
            Self::Fragmented => 1003,
            Self::Protocol => 1002,
        }
    }

    /// The word for it, on the wire and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Restart => "restart",
            Self::Silent => "silent",
            Self::OverBudget => "over_budget",
            Self::TooBig => "too_big",
            Self::Fragmented => "fragmented",
            Self::Protocol => "protocol",
        }
    }
}

/// One socket's line. Both ends share it.
#[derive(Debug)]
pub struct Line {
    opened_at: Instant,
    heard_after_ms: AtomicU64,
    ping: AtomicBool,
    leave: AtomicU8,
    waker: AtomicWaker,
}

impl Line {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            opened_at: now,
            heard_after_ms: AtomicU64::new(0),
            ping: AtomicBool::new(false),
            leave: AtomicU8::new(0),
            waker: AtomicWaker::new(),
        }
    }

    /// Something was read from the client.
    pub(super) fn hear(&self, now: Instant) {
        let after = now.saturating_duration_since(self.opened_at).as_millis();
        self.heard_after_ms.store(u64::try_from(after).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// For how long nothing has been read.
    pub(super) fn silence(&self, now: Instant) -> Duration {
        let heard_after = Duration::from_millis(self.heard_after_ms.load(Ordering::Relaxed));
        now.saturating_duration_since(self.opened_at).saturating_sub(heard_after)
    }

    /// Wakes the socket's task with a wish.
    pub(super) fn ask(&self, wish: Wish) {
        match wish {
            Wish::Ping => self.ping.store(true, Ordering::Release),
            Wish::Leave(farewell) => self.leave.store(farewell as u8, Ordering::Release),
        }
        self.wake();
    }

    /// Wakes the socket's task, to look for wishes and frames.
    pub(super) fn wake(&self) {
        self.waker.wake();
    }

    /// The wish that waits, if one does; else the task is woken when one comes.
    pub(super) fn wish(&self, waker: &Waker) -> Option<Wish> {
        self.waker.register(waker);
        if let Some(farewell) = Farewell::from_number(self.leave.load(Ordering::Acquire)) {
            return Some(Wish::Leave(farewell));
        }
        self.ping.swap(false, Ordering::AcqRel).then_some(Wish::Ping)
    }
}
