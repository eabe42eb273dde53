//! Looks up tokens and sessions in Postgres, many in one statement.
//!
//! Requests that arrive while a statement runs share the next one ([`Coalesce`]), so thousands of new clients cost some
//! tens of statements, and a client that disconnects cancels nothing.
//!
//! Uses are collected and written later, many in one statement: the last-used time of a token, the new expiry of a session.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::rules::{Identity, Proof, SecretHash};
use super::store::FoundIdentity;
use crate::domain::TokenId;
use crate::people::sessions::SessionLength;
use crate::store::{Coalesce, Found, Source, Store, StoreError};

/// Maximum lookups waiting for a statement. Further lookups fail as busy.
const LOOKUPS_MAX: usize = 8_192;
/// How long uses are collected before they are written.
const WRITE_USES_AFTER: Duration = Duration::from_secs(10);
/// Maximum uses that are collected. Further uses are dropped; the next use of the same secret is collected again.
const USES_MAX: usize = 16_384;

/// Why a lookup failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::people) enum LookupError {
    /// The queue is full.
    Busy,
    /// The read failed, and has logged why.
    Unavailable,
}

/// Looks up secrets. Cheap to clone.
#[derive(Clone)]
pub(in crate::people) struct Lookups {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    length: SessionLength,
    reads: Coalesce<SecretHash, FoundIdentity>,
    uses: Mutex<Uses>,
}

#[derive(Default)]
struct Uses {
    tokens: HashSet<TokenId>,
    sessions: HashSet<SecretHash>,
    /// Whether a task is waiting to write them.
    scheduled: bool,
}

impl Lookups {
    pub(in crate::people) fn new(store: Store, length: SessionLength) -> Self {
        let reads = Coalesce::new("tokens and sessions", LOOKUPS_MAX);
        Self { shared: Arc::new(Shared { store, length, reads, uses: Mutex::default() }) }
    }

    /// The identity behind a secret; `None` if the secret is unknown, revoked or expired.
    pub(in crate::people) async fn find(&self, hash: SecretHash) -> Result<Option<Identity>, LookupError> {
        let found = self.shared.reads.read(hash, || Identities(Arc::clone(&self.shared))).await;
        match found {
            Ok(found) => Ok(found.map(|found| found.identity.clone())),
            Err(StoreError::Busy) => Err(LookupError::Busy),
            // The read has logged the error, once for all requests that share it.
            Err(_logged) => Err(LookupError::Unavailable),
        }
    }

    /// Writes the collected uses now.
    pub(in crate::people) async fn flush_uses(&self) {
        write_uses(&self.shared).await;
    }
}

/// The source of identities for [`Coalesce`].
struct Identities(Arc<Shared>);

impl Source for Identities {
    type Key = SecretHash;
    type Value = FoundIdentity;

    async fn read(&mut self, hashes: &[SecretHash]) -> Found<SecretHash, FoundIdentity> {
        let found = self.0.store.identities(hashes, self.0.length).await?;
        collect_uses(&self.0, &found);
        Ok(found.into_iter().map(|identity| (identity.hash, identity)).collect())
    }
}

/// Collects the secrets whose last-used time is stale, and schedules writing them.
fn collect_uses(shared: &Arc<Shared>, found: &[FoundIdentity]) {
    let mut uses = lock(&shared.uses);
    for stale in found.iter().filter(|identity| identity.stale) {
        if uses.tokens.len() + uses.sessions.len() >= USES_MAX {
            break;
        }
        match stale.identity.proof {
            Proof::Token(id) => drop(uses.tokens.insert(id)),
            Proof::Session => drop(uses.sessions.insert(stale.hash)),
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
        Ok::<(), StoreError>(())
    };
    if let Err(error) = written.await {
        tracing::warn!(%error, "cannot record the last use of tokens and sessions; the next use will retry");
    }
}

/// No code panics while it holds one of these locks, so poisoned data is intact.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
