//! Finding out who is behind a token or a session that this node has not seen lately.
//!
//! What arrives while a look-up is under way becomes the next one, as one statement: a rush of thousands of new faces costs
//! some tens of statements. The work is a task of its own, so that a client who hangs up cancels nothing. Noting that a secret
//! was used is left for later, and done for many at once.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::domain::{Identity, Proof, SecretHash, TokenId};
use crate::store::{Found, SessionLength, Store};

/// The most secrets of one statement.
const BATCH_MAX: usize = 256;
/// The most that wait for the next statements.
const WAITING_MAX: usize = 8_192;
/// For how long uses are collected before they are noted.
const NOTE_AFTER: Duration = Duration::from_secs(10);
/// The most uses that are collected; later ones are noted the next time.
const NOTES_MAX: usize = 16_384;

/// Why nobody could be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LookupError {
    /// Too many others wait.
    Busy,
    /// Postgres is away.
    Unavailable,
}

type Answer = Result<Option<Identity>, LookupError>;

/// Looks secrets up, many at a time. Cheap to clone.
#[derive(Clone)]
pub(super) struct Lookups {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    length: SessionLength,
    waiting: Mutex<Waiting>,
    used: Mutex<Used>,
}

#[derive(Default)]
struct Waiting {
    secrets: Vec<(SecretHash, oneshot::Sender<Answer>)>,
    running: bool,
}

#[derive(Default)]
struct Used {
    tokens: HashSet<TokenId>,
    sessions: HashSet<SecretHash>,
    /// A task waits to note them.
    arranged: bool,
}

impl Lookups {
    pub(super) fn new(store: Store, length: SessionLength) -> Self {
        Self { shared: Arc::new(Shared { store, length, waiting: Mutex::default(), used: Mutex::default() }) }
    }

    /// Who this is; `None` if the secret does not count.
    pub(super) async fn find(&self, hash: SecretHash) -> Answer {
        let (reply, answer) = oneshot::channel();
        let begin = {
            let mut waiting = lock(&self.shared.waiting);
            if waiting.secrets.len() >= WAITING_MAX {
                return Err(LookupError::Busy);
            }
            waiting.secrets.push((hash, reply));
            !std::mem::replace(&mut waiting.running, true)
        };
        if begin {
            tokio::spawn(run(Running { shared: self.shared.clone(), current: true }));
        }
        answer.await.unwrap_or(Err(LookupError::Unavailable))
    }

    /// Notes at once what was used.
    pub(super) async fn note_now(&self) {
        note(&self.shared).await;
    }
}

/// Whatever ends the task, the next one can begin, and nobody waits for the one that is gone.
struct Running {
    shared: Arc<Shared>,
    /// The task still is the one that runs. It gives that up under the lock, for another may begin right after.
    current: bool,
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.current {
            let mut waiting = lock(&self.shared.waiting);
            waiting.running = false;
            waiting.secrets.clear();
        }
    }
}

async fn run(mut running: Running) {
    loop {
        let batch: Vec<_> = {
            let mut waiting = lock(&running.shared.waiting);
            if waiting.secrets.is_empty() {
                waiting.running = false;
                running.current = false;
                return;
            }
            let most = waiting.secrets.len().min(BATCH_MAX);
            waiting.secrets.drain(..most).collect()
        };
        answer(&running.shared, batch).await;
    }
}

async fn answer(shared: &Arc<Shared>, batch: Vec<(SecretHash, oneshot::Sender<Answer>)>) {
    let hashes: Vec<SecretHash> = batch.iter().map(|(hash, _)| *hash).collect();
    match shared.store.identities(&hashes, shared.length).await {
        Ok(found) => {
            note_used(shared, &found);
            for (hash, reply) in batch {
                let identity = found.iter().find(|one| one.hash == hash).map(|one| one.identity.clone());
                // Who hung up meanwhile needs no answer.
                drop(reply.send(Ok(identity)));
            }
        }
        Err(error) => {
            tracing::warn!(%error, "looking up {} tokens and sessions failed", batch.len());
            for (_, reply) in batch {
                drop(reply.send(Err(LookupError::Unavailable)));
            }
        }
    }
}

/// Remembers which secrets to note as used, and arranges for it.
fn note_used(shared: &Arc<Shared>, found: &[Found]) {
    let mut used = lock(&shared.used);
    for one in found.iter().filter(|one| one.stale) {
        if used.tokens.len() + used.sessions.len() >= NOTES_MAX {
            break;
        }
        match one.identity.proof {
            Proof::Token(id) => drop(used.tokens.insert(id)),
            Proof::Session => drop(used.sessions.insert(one.hash)),
        }
    }
    let some = !used.tokens.is_empty() || !used.sessions.is_empty();
    if some && !std::mem::replace(&mut used.arranged, true) {
        tokio::spawn(note_later(Arranged(shared.clone())));
    }
}

/// Whatever ends the task, the next use arranges another one.
struct Arranged(Arc<Shared>);

impl Drop for Arranged {
    fn drop(&mut self) {
        lock(&self.0.used).arranged = false;
    }
}

async fn note_later(arranged: Arranged) {
    tokio::time::sleep(NOTE_AFTER).await;
    note(&arranged.0).await;
}

async fn note(shared: &Shared) {
    let (tokens, sessions): (Vec<TokenId>, Vec<SecretHash>) = {
        let mut used = lock(&shared.used);
        (used.tokens.drain().collect(), used.sessions.drain().collect())
    };
    let noted = async {
        if !tokens.is_empty() {
            shared.store.note_tokens_used(&tokens).await?;
        }
        if !sessions.is_empty() {
            shared.store.prolong_sessions(&sessions, shared.length).await?;
        }
        Ok::<(), crate::store::StoreError>(())
    };
    if let Err(error) = noted.await {
        tracing::warn!(%error, "noting the use of tokens and sessions failed: the next use will try again");
    }
}

/// Nothing panics while one of these locks is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
