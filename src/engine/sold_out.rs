//! A node's notes of sold-out deals. With a note, the node refuses strangers without calling Redis.
//!
//! A note contains the version at which a deal is sold out. Units can become free only at another version, for example
//! after a raised cap. At that version, no stranger can join. The note also lists the known buyers: they may be
//! retrying a request that succeeded, and only Postgres may answer a retry.
//!
//! A note is valid for [`COUNTS_FOR`] after Redis last confirmed it at the same version. Any other answer drops the
//! note. So a withdrawn deal, a restored backup or an outage of Redis takes effect within that time. A cap is raised
//! only after every note has expired: see `raise_cap`. The total number of buyers in the notes is bounded.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::domain::{AccountId, DealId, DealState};
use crate::quota::Answer;
use crate::store::{Store, StoreError};

/// How long a note is valid after the call in which Redis reported that the deal is sold out.
pub(super) const COUNTS_FOR: Duration = Duration::from_secs(1);
/// The minimum time between two attempts to read the buyers of a deal's version.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(10);
/// The maximum number of buyers in all notes together; each takes some 20 bytes. A deal with more buyers gets no note.
const BUYERS_MAX: usize = 500_000;

/// The notes of a node. Cheap to clone.
#[derive(Clone)]
pub(super) struct SoldOut {
    store: Store,
    notes: Arc<RwLock<HashMap<DealId, Note>>>,
}

struct Note {
    /// The version at which the deal is sold out: epoch and rev.
    version: (i64, i64),
    /// The start of the last call in which Redis reported this version as sold out.
    asked_at: Instant,
    read_at: Instant,
    /// The end of the deal's window, when the refusal changes to "closed".
    closes_at: DateTime<Utc>,
    /// The known buyers of the deal. `None` while they are being read, or if the read failed.
    buyers: Option<HashSet<AccountId>>,
}

impl SoldOut {
    pub(super) fn new(store: Store) -> Self {
        Self { store, notes: Arc::default() }
    }

    /// Whether a valid note proves that the deal is sold out for this buyer. `None` stands for a stranger.
    pub(super) fn refuses(&self, deal: DealId, buyer: Option<AccountId>, now: DateTime<Utc>) -> bool {
        self.read().get(&deal).is_some_and(|note| {
            let counts = note.asked_at.elapsed() < COUNTS_FOR && now < note.closes_at;
            counts && note.buyers.as_ref().is_some_and(|buyers| buyer.is_none_or(|buyer| !buyers.contains(&buyer)))
        })
    }

    /// Updates the deal's note from Redis' answers to requests. `asked_at` must be taken before the call to Redis,
    /// because the answers may be delayed. A raise of the cap waits from the moment at which Redis answers differently.
    pub(super) fn record_answers(&self, deal: DealId, asked_at: Instant, answers: &[Answer]) {
        // "Known" does not show whether units are left.
        let mut conclusive = answers.iter().filter(|answer| !matches!(answer, Answer::Known));
        let Some(first) = conclusive.next() else { return };
        // One script call judges all its requests at one version.
        match first {
            Answer::Refused { version: Some(version), .. } if conclusive.all(|answer| answer == first) => {
                self.note(deal, asked_at, *version);
            }
            _ => {
                if self.read().contains_key(&deal) {
                    self.write().remove(&deal);
                }
            }
        }
    }

    fn note(&self, deal: DealId, asked_at: Instant, version: (i64, i64)) {
        let mut notes = self.write();
        if let Some(note) = notes.get_mut(&deal).filter(|note| note.version == version) {
            note.asked_at = note.asked_at.max(asked_at);
            if note.buyers.is_some() || note.read_at.elapsed() < READ_AGAIN_AFTER {
                return;
            }
        }
        let (read_at, closes_at) = (Instant::now(), DateTime::UNIX_EPOCH);
        notes.insert(deal, Note { version, asked_at, read_at, closes_at, buyers: None });
        tokio::spawn(self.clone().read_buyers(deal, version));
    }

    async fn read_buyers(self, deal: DealId, version: (i64, i64)) {
        let found = self.buyers_of(deal, version).await.unwrap_or_else(|error| {
            tracing::warn!(%error, %deal, "cannot read the buyers of a sold-out deal");
            None
        });
        let Some((closes_at, buyers)) = found else { return };
        let mut notes = self.write();
        make_room(&mut notes, buyers.len());
        if let Some(note) = notes.get_mut(&deal).filter(|note| note.version == version) {
            note.closes_at = closes_at;
            note.buyers = Some(buyers);
        }
    }

    /// The end of the deal's window, and the known buyers. `None` if the deal has another version, is not sold out, or
    /// has too many buyers.
    async fn buyers_of(
        &self,
        deal: DealId,
        version: (i64, i64),
    ) -> Result<Option<(DateTime<Utc>, HashSet<AccountId>)>, StoreError> {
        let few = |count: u32| usize::try_from(count).is_ok_and(|count| count <= BUYERS_MAX);
        if !self.store.progress_of(&[deal]).await?.iter().all(|progress| few(progress.buyers)) {
            return Ok(None);
        }
        let snapshot = self.store.load_snapshot(deal).await?.filter(|snapshot| {
            let progress = &snapshot.progress;
            progress.version() == version && progress.state == DealState::Tipped && progress.sold_out()
        });
        Ok(snapshot.map(|deal| (deal.progress.closes_at, deal.buyers.into_iter().map(|(buyer, ..)| buyer).collect())))
    }

    /// No code panics while it holds the lock, so a poisoned map is intact.
    fn read(&self) -> RwLockReadGuard<'_, HashMap<DealId, Note>> {
        self.notes.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<DealId, Note>> {
        self.notes.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drops expired notes, then the least recently confirmed ones, until this many buyers fit.
fn make_room(notes: &mut HashMap<DealId, Note>, wanted: usize) {
    let buyers = |note: &Note| note.buyers.as_ref().map_or(0, HashSet::len);
    notes.retain(|_, note| note.buyers.is_none() || note.asked_at.elapsed() < COUNTS_FOR);
    while notes.values().map(buyers).sum::<usize>() + wanted > BUYERS_MAX {
        let longest_ago = notes.iter().filter(|(_, note)| note.buyers.is_some()).min_by_key(|(_, note)| note.asked_at);
        let Some(deal) = longest_ago.map(|(deal, _)| *deal) else { return };
        notes.remove(&deal);
    }
}
