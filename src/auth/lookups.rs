//! Looks up tokens and sessions in Postgres, in batches.
//!
//! Requests that arrive while a statement runs form the next batch, so thousands of new clients cost some tens of
//! statements. The work runs in its own task: a client that disconnects cancels nothing.
//!
//! Last-used times are collected and written later, many at once.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::domain::{Identity, Proof, SecretHash, TokenId};
use crate::store::{Found, SessionLength, Store};

/// The most secrets that one statement looks up.
const BATCH_MAX: usize = 256;
/// The most secrets that wait for a statement. Beyond that, lookups fail as busy.
const QUEUE_MAX: usize = 8_192;
/// How long uses are collected before they are written.
const WRITE_USES_AFTER: Duration = Duration::from_secs(10);
/// The most uses that are collected. Further ones are dropped; the next use of the same secret is collected again.
const USES_MAX: usize = 16_384;

/// Why a lookup failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LookupError {
    /// The queue is full.
    Busy,
    /// Postgres is unavailable.
    Unavailable,
}

type Answer = Result<Option<Identity>, LookupError>;

/// Looks up secrets in batches. Cheap to clone.
#[derive(Clone)]
pub(super) struct Lookups {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    length: SessionLength,
    queue: Mutex<Queue>,
    uses: Mutex<Uses>,
}

#[derive(Default)]
struct Queue {
    pending: Vec<(SecretHash, oneshot::Sender<Answer>)>,
    running: bool,
}

#[derive(Default)]
struct Uses {
    tokens: HashSet<TokenId>,
    sessions: HashSet<SecretHash>,
    /// Whether a task is waiting to write them.
    scheduled: bool,
}

impl Lookups {
    pub(super) fn new(store: Store, length: SessionLength) -> Self {
        Self { shared: Arc::new(Shared { store, length, queue: Mutex::default(), uses: Mutex::default() }) }
    }

    /// The identity behind a secret; `None` if the secret is unknown, revoked or expired.
    pub(super) async fn find(&self, hash: SecretHash) -> Answer {
        let (reply, answer) = oneshot::channel();
        let start = {
            let mut queue = lock(&self.shared.queue);
            if queue.pending.len() >= QUEUE_MAX {
                return Err(LookupError::Busy);
            }
            queue.pending.push((hash, reply));
            !std::mem::replace(&mut queue.running, true)
        };
        if start {
            tokio::spawn(run(Running { shared: self.shared.clone(), owns_queue: true }));
        }
        answer.await.unwrap_or(Err(LookupError::Unavailable))
    }

    /// Writes the collected uses now.
    pub(super) async fn flush_uses(&self) {
        write_uses(&self.shared).await;
    }
}

/// Frees the queue when the task ends, even by a panic: callers fail instead of waiting, and the next lookup starts a
/// new task.
struct Running {
    shared: Arc<Shared>,
    /// Whether this task still owns the queue. It gives the queue up under the lock, because another task may start
    /// right after.
    owns_queue: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.owns_queue {
            let mut queue = lock(&self.shared.queue);
            queue.running = false;
            queue.pending.clear();
        }
    }
}

async fn run(mut running: Running) {
    loop {
        let batch: Vec<_> = {
            let mut queue = lock(&running.shared.queue);
            if queue.pending.is_empty() {
                queue.running = false;
                running.owns_queue = false;
                return;
            }
            let count = queue.pending.len().min(BATCH_MAX);
            queue.pending.drain(..count).collect()
        };
        answer(&running.shared, batch).await;
    }
}

async fn answer(shared: &Arc<Shared>, batch: Vec<(SecretHash, oneshot::Sender<Answer>)>) {
    let hashes: Vec<SecretHash> = batch.iter().map(|(hash, _)| *hash).collect();
    match shared.store.identities(&hashes, shared.length).await {
        Ok(found) => {
            collect_uses(shared, &found);
            for (hash, reply) in batch {
                let identity = found.iter().find(|one| one.hash == hash).map(|one| one.identity.clone());
                // Fails if the caller has disconnected, which is fine.
                drop(reply.send(Ok(identity)));
            }
        }
        Err(error) => {
            tracing::warn!(%error, "cannot look up {} tokens and sessions", batch.len());
            for (_, reply) in batch {
                drop(reply.send(Err(LookupError::Unavailable)));
            }
        }
    }
}

/// Collects the secrets whose last-used time is stale, and schedules writing them.
fn collect_uses(shared: &Arc<Shared>, found: &[Found]) {
    let mut uses = lock(&shared.uses);
    for one in found.iter().filter(|one| one.stale) {
        if uses.tokens.len() + uses.sessions.len() >= USES_MAX {
            break;
        }
        match one.identity.proof {
            Proof::Token(id) => drop(uses.tokens.insert(id)),
            Proof::Session => drop(uses.sessions.insert(one.hash)),
        }
    }
    let any = !uses.tokens.is_empty() || !uses.sessions.is_empty();
    if any && !std::mem::replace(&mut uses.scheduled, true) {
        tokio::spawn(write_uses_later(Scheduled(shared.clone())));
    }
}

/// Clears the flag when the task ends, even by a panic, so that the next use schedules another task.
struct Scheduled(Arc<Shared>);

impl Drop for Scheduled {
    fn drop(&mut self) {
        lock(&self.0.uses).scheduled = false;
    }
}

async fn write_uses_later(scheduled: Scheduled) {
    tokio::time::sleep(WRITE_USES_AFTER).await;
    write_uses(&scheduled.0).await;
}

async fn write_uses(shared: &Shared) {
    let (tokens, sessions): (Vec<TokenId>, Vec<SecretHash>) = {
        let mut uses = lock(&shared.uses);
        (uses.tokens.drain().collect(), uses.sessions.drain().collect())
    };
    let written = async {
        if !tokens.is_empty() {
            shared.store.note_tokens_used(&tokens).await?;
        }
        if !sessions.is_empty() {
            shared.store.prolong_sessions(&sessions, shared.length).await?;
        }
        Ok::<(), crate::store::StoreError>(())
    };
    if let Err(error) = written.await {
        tracing::warn!(%error, "cannot record the last use of tokens and sessions; the next use will retry");
    }
}

/// No code panics while it holds one of these locks, so poisoned data is intact.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
