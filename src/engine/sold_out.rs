//! A node's own note of deals that are sold out: a refusal that is certain asks nobody.
//!
//! Sold out is for good: a deal cannot sell its last unit without tipping, nobody leaves a tipped deal, and its cap does not
//! change. So nobody will ever join it who has not joined by then, and those buyers are noted, too: theirs may be the
//! repetition of a request that succeeded, which only Postgres may answer.
//!
//! A note counts for a second after Redis has last said the same, and not at all when Redis says anything else: a deal that is
//! taken down, a backup that is restored or a lost Redis is noticed as by any other node. Bounded by the number of buyers.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::domain::{AccountId, DealId, DealState};
use crate::quota::Answer;
use crate::store::{Store, StoreError};

/// How long a note counts after Redis has said that the deal is sold out.
const COUNTS_FOR: Duration = Duration::from_secs(1);
/// How long after an attempt to read a deal's buyers the next one may follow.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(10);
/// How many buyers are noted in all deals together; each takes some 20 bytes. A deal that has more is not noted.
const BUYERS_MAX: usize = 500_000;

/// The notes of a node. Cheap to clone.
#[derive(Clone)]
pub(super) struct SoldOut {
    store: Store,
    notes: Arc<RwLock<HashMap<DealId, Note>>>,
}

struct Note {
    said_at: Instant,
    read_at: Instant,
    /// Until when the answer is "sold out"; from then on it is "closed".
    closes_at: DateTime<Utc>,
    /// Everybody who ever had a signup in the deal. None while they are being read, and if they could not be.
    buyers: Option<HashSet<AccountId>>,
}

impl SoldOut {
    pub(super) fn new(store: Store) -> Self {
        Self { store, notes: Arc::default() }
    }

    /// Whether it is certain that this buyer, or somebody who has no signup in it (`None`), cannot join this deal, because it is
    /// sold out.
    pub(super) fn refuses(&self, deal: DealId, buyer: Option<AccountId>, now: DateTime<Utc>) -> bool {
        self.read().get(&deal).is_some_and(|note| {
            let counts = note.said_at.elapsed() < COUNTS_FOR && now < note.closes_at;
            counts && note.buyers.as_ref().is_some_and(|buyers| buyer.is_none_or(|buyer| !buyers.contains(&buyer)))
        })
    }

    /// Takes note of what Redis has answered to requests for a deal.
    pub(super) fn hear(&self, deal: DealId, answers: &[Answer]) {
        let says_sold_out = |answer: &Answer| matches!(answer, Answer::SoldOut);
        // Those who may have a signup are sent on, whether anything is left or not.
        let is_no_news = |answer: &Answer| matches!(answer, Answer::SoldOut | Answer::Known);
        if !answers.iter().all(is_no_news) {
            if self.read().contains_key(&deal) {
                self.write().remove(&deal);
            }
        } else if answers.iter().any(says_sold_out) {
            let now = Instant::now();
            let mut notes = self.write();
            let known = notes.get_mut(&deal).map(|note| {
                note.said_at = now;
                note.buyers.is_some() || now.duration_since(note.read_at) < READ_AGAIN_AFTER
            });
            if known != Some(true) {
                notes.insert(deal, Note { said_at: now, read_at: now, closes_at: DateTime::UNIX_EPOCH, buyers: None });
                tokio::spawn(self.clone().read_buyers(deal));
            }
        }
    }

    async fn read_buyers(self, deal: DealId) {
        let found = self.buyers_of(deal).await.unwrap_or_else(|error| {
            tracing::warn!(%error, %deal, "who is in a deal that is sold out could not be read");
            None
        });
        let Some((closes_at, buyers)) = found else { return };
        let mut notes = self.write();
        make_room(&mut notes, buyers.len());
        if let Some(note) = notes.get_mut(&deal) {
            note.closes_at = closes_at;
            note.buyers = Some(buyers);
        }
    }

    /// None: it is not sold out, after all, or it has too many buyers.
    async fn buyers_of(&self, deal: DealId) -> Result<Option<(DateTime<Utc>, HashSet<AccountId>)>, StoreError> {
        let few = |count: u32| usize::try_from(count).is_ok_and(|count| count <= BUYERS_MAX);
        if !self.store.progress_of(&[deal]).await?.iter().all(|progress| few(progress.buyers)) {
            return Ok(None);
        }
        let snapshot = self.store.load_snapshot(deal).await?.filter(|snapshot| {
            let progress = &snapshot.progress;
            progress.state == DealState::Tipped && progress.cap == Some(progress.units)
        });
        Ok(snapshot.map(|deal| (deal.progress.closes_at, deal.buyers.into_iter().map(|(buyer, ..)| buyer).collect())))
    }

    /// Nothing panics while the lock is held.
    fn read(&self) -> RwLockReadGuard<'_, HashMap<DealId, Note>> {
        self.notes.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<DealId, Note>> {
        self.notes.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets the notes that nobody has asked for lately, until so many buyers fit in.
fn make_room(notes: &mut HashMap<DealId, Note>, wanted: usize) {
    let buyers = |note: &Note| note.buyers.as_ref().map_or(0, HashSet::len);
    notes.retain(|_, note| note.buyers.is_none() || note.said_at.elapsed() < COUNTS_FOR);
    while notes.values().map(buyers).sum::<usize>() + wanted > BUYERS_MAX {
        let longest_ago = notes.iter().filter(|(_, note)| note.buyers.is_some()).min_by_key(|(_, note)| note.said_at);
        let Some(deal) = longest_ago.map(|(deal, _)| *deal) else { return };
        notes.remove(&deal);
    }
}
