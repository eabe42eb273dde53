//! What clients saw: a file of JSON lines, for the L checks of the audit.
//!
//! A client writes a line before each call and one after it, each straight to the file. So what was asked and never answered
//! ("unknown": it may have been recorded) can be told from what was answered and is not in Postgres ("lost"), also when the
//! client was killed. Several clients may share a file; several files may be audited together.
//!
//! ```text
//! {"at":"…","deal":"…","from":{"epoch":1,"rev":7}}                                     the client begins here
//! {"at":"…","n":1,"call":"join","deal":"…","buyer":"…","key":"…","units":2}            before a call
//! {"at":"…","n":1,"status":201,"id":"…","units":2,"number":17}                         after it
//! {"at":"…","n":2,"call":"leave","deal":"…","buyer":"…","signup":"…"}
//! {"at":"…","n":2,"status":409,"code":"already_tipped"}
//! {"at":"…","n":3,"error":"connection reset"}                                          no answer: nobody knows
//! {"at":"…","socket":1,"frame":{"type":"progress","deal":"…","epoch":1,"rev":8,…}}     as it came in
//! {"at":"…","socket":1,"closed":true}                                                  nothing more will come in
//! {"at":"…","deal":"…","to":{"epoch":1,"rev":42}}                                      the client is done
//! ```
//!
//! `from` and `to` are the versions that `GET /deals/{id}` told first and last. Signups outside of them are somebody else's.
//! Before `to`, a client waits until its sockets have shown that version, but at most for as long as counts may be late.

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

pub use line::{Call, Frame, Line, Mark, Reply, Stamped, Version};
pub use reader::{LogError, read};

/// Writes a log. Clones write to the same file.
#[derive(Clone)]
pub struct ClientLog {
    file: Arc<Mutex<File>>,
    clock: Clock,
    calls: Arc<AtomicU64>,
    sockets: Arc<AtomicU64>,
}

/// A call that was written down and waits for its answer.
#[derive(Debug)]
#[must_use = "write down what was answered"]
pub struct Asked(u64);

impl ClientLog {
    /// Begins a new log, in place of one that is there.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn create(path: &Path, clock: Clock) -> io::Result<Self> {
        let file = Arc::new(Mutex::new(File::create(path)?));
        Ok(Self { file, clock, calls: Arc::default(), sockets: Arc::default() })
    }

    /// Before the first call about a deal: the version that the client found.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn begins(&self, deal: DealId, from: Version) -> io::Result<()> {
        self.write(&Line::Mark(Mark { deal, from: Some(from), to: None }))
    }

    /// Before joining.
    ///
    /// # Errors
    /// The file cannot be written: then the call must not be made.
    pub fn joins(&self, deal: DealId, buyer: AccountId, key: &IdempotencyKey, units: u32) -> io::Result<Asked> {
        self.ask(Call::Join { deal, buyer, key: key.as_str().to_owned(), units })
    }

    /// Before leaving.
    ///
    /// # Errors
    /// The file cannot be written: then the call must not be made.
    pub fn leaves(&self, deal: DealId, buyer: AccountId, signup: SignupId) -> io::Result<Asked> {
        self.ask(Call::Leave { deal, buyer, signup })
    }

    /// After a call.
    ///
    /// # Errors
    /// The file cannot be written.
    #[expect(clippy::needless_pass_by_value, reason = "a call is answered once")]
    pub fn answered(&self, asked: Asked, reply: Reply) -> io::Result<()> {
        self.write(&Line::Reply { n: asked.0, reply })
    }

    /// A number for a new socket. Versions may only rise within one: another may be with a node that is a little behind.
    #[must_use]
    pub fn new_socket(&self) -> u64 {
        self.sockets.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A frame, as it came in.
    ///
    /// # Errors
    /// The text is no frame, or the file cannot be written.
    pub fn frame(&self, socket: u64, text: &str) -> io::Result<()> {
        let frame = serde_json::from_str(text)?;
        self.write(&Line::Frame { socket, frame })
    }

    /// The socket is gone: it owes no last frame any more.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn closed(&self, socket: u64) -> io::Result<()> {
        self.write(&Line::Closed { socket, closed: true })
    }

    /// After the last call about a deal and the last frame: the version that the client left behind.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn ends(&self, deal: DealId, to: Version) -> io::Result<()> {
        self.write(&Line::Mark(Mark { deal, from: None, to: Some(to) }))
    }

    fn ask(&self, call: Call) -> io::Result<Asked> {
        let n = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        self.write(&Line::Call { n, call })?;
        Ok(Asked(n))
    }

    /// One write for each line, without a buffer of the process: what was written survives a `kill -9`.
    fn write(&self, line: &Line) -> io::Result<()> {
        #[derive(Serialize)]
        struct Now<'a> {
            at: chrono::DateTime<chrono::Utc>,
            #[serde(flatten)]
            line: &'a Line,
        }
        let mut text = serde_json::to_string(&Now { at: self.clock.now(), line })?;
        text.push('\n');
        self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(text.as_bytes())
    }
}

#[cfg(test)]
mod tests;
