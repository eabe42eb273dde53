//! The client log: a file of JSON lines that record what clients saw, for the checks L1 to L3 of the audit.
//!
//! A client writes one line before each call and one after it, without buffering. So even after the client was killed,
//! the audit can tell two cases apart. An unanswered call is "unknown": Postgres may have recorded it. An answered join
//! that Postgres does not have is "lost". Several clients may share a file, and several files may be audited together.
//!
//! ```text
//! {"at":"…","deal":"…","from":{"epoch":1,"rev":7}}                                     the client starts here
//! {"at":"…","n":1,"call":"join","deal":"…","buyer":"…","key":"…","units":2}            before a call
//! {"at":"…","n":1,"status":201,"id":"…","units":2,"number":17}                         after it
//! {"at":"…","n":2,"call":"leave","deal":"…","buyer":"…","signup":"…"}
//! {"at":"…","n":2,"status":409,"code":"already_tipped"}
//! {"at":"…","n":3,"error":"connection reset"}                                          no answer: unknown
//! {"at":"…","socket":1,"frame":{"type":"progress","deal":"…","epoch":1,"rev":8,…}}     the frame's figures
//! {"at":"…","socket":1,"closed":true}                                                  no more frames follow
//! {"at":"…","deal":"…","to":{"epoch":1,"rev":42}}                                      the client is done
//! ```
//!
//! `from` and `to` are the first and last versions that `GET /deals/{id}` returned. Signups outside that range belong
//! to other clients. Before it writes `to`, a client waits until its sockets have received that version, up to the
//! maximum delay of live frames.

mod by_deal;
mod compare;
mod line;
mod reader;

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::clock::Clock;
use crate::domain::{AccountId, DealId, IdempotencyKey, SignupId};

pub(super) use by_deal::Logged;
pub(super) use compare::compare;
pub use line::{Call, Frame, Line, Mark, Reply, TimedLine, Version};
pub use reader::{LogError, read};

/// Writes a client log. Clones write to the same file.
#[derive(Clone)]
pub struct ClientLog {
    file: Arc<Mutex<File>>,
    clock: Clock,
    calls: Arc<AtomicU64>,
    sockets: Arc<AtomicU64>,
}

/// A logged call whose answer is not logged yet.
#[derive(Debug)]
#[must_use = "log the answer"]
pub struct PendingCall(u64);

impl ClientLog {
    /// Creates a log, replacing an existing file.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn create(path: &Path, clock: Clock) -> io::Result<Self> {
        let file = Arc::new(Mutex::new(File::create(path)?));
        Ok(Self { file, clock, calls: Arc::default(), sockets: Arc::default() })
    }

    /// Logs the deal's version before the client's first call on the deal.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn begins(&self, deal: DealId, from: Version) -> io::Result<()> {
        self.write(&Line::Mark(Mark { deal, from: Some(from), to: None }))
    }

    /// Logs a join before it is made.
    ///
    /// # Errors
    /// The file cannot be written. In this case, the call must not be made.
    pub fn joins(&self, deal: DealId, buyer: AccountId, key: &IdempotencyKey, units: u32) -> io::Result<PendingCall> {
        self.ask(Call::Join { deal, buyer, key: key.as_str().to_owned(), units })
    }

    /// Logs a leave before it is made.
    ///
    /// # Errors
    /// The file cannot be written. In this case, the call must not be made.
    pub fn leaves(&self, deal: DealId, buyer: AccountId, signup: SignupId) -> io::Result<PendingCall> {
        self.ask(Call::Leave { deal, buyer, signup })
    }

    /// Logs the answer to a call.
    ///
    /// # Errors
    /// The file cannot be written.
    #[expect(clippy::needless_pass_by_value, reason = "consumed, because a call is answered once")]
    pub fn answered(&self, pending: PendingCall, reply: Reply) -> io::Result<()> {
        self.write(&Line::Reply { n: pending.0, reply })
    }

    /// Returns the number of a new socket. Versions must not decrease within one socket. Another socket may be
    /// connected to a node that lags behind.
    #[must_use]
    pub fn new_socket(&self) -> u64 {
        self.sockets.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Logs the figures of a frame.
    ///
    /// # Errors
    /// The text is not a frame, or the file cannot be written.
    pub fn frame(&self, socket: u64, text: &str) -> io::Result<()> {
        let frame = serde_json::from_str(text)?;
        self.write(&Line::Frame { socket, frame })
    }

    /// Logs that a socket closed, so that the audit expects no further frames on it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn closed(&self, socket: u64) -> io::Result<()> {
        self.write(&Line::Closed { socket, closed: true })
    }

    /// Logs the deal's final version, after the client's last call on the deal and its last frame.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn ends(&self, deal: DealId, to: Version) -> io::Result<()> {
        self.write(&Line::Mark(Mark { deal, from: None, to: Some(to) }))
    }

    fn ask(&self, call: Call) -> io::Result<PendingCall> {
        let n = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        self.write(&Line::Call { n, call })?;
        Ok(PendingCall(n))
    }

    /// Writes a line with one unbuffered write, so that it survives a `kill -9`.
    fn write(&self, line: &Line) -> io::Result<()> {
        #[derive(Serialize)]
        struct Timed<'a> {
            at: chrono::DateTime<chrono::Utc>,
            #[serde(flatten)]
            line: &'a Line,
        }
        let mut text = serde_json::to_string(&Timed { at: self.clock.now(), line })?;
        text.push('\n');
        self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(text.as_bytes())
    }
}

#[cfg(test)]
mod tests;
