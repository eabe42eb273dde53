//! Reading single deals, many at a time.
//!
//! What is asked for while a read is under way is answered by the next one, as one statement: a deal page that everybody looks
//! at costs one read after the other, not one for each of them. A read begins after everybody whom it answers has asked, so
//! nobody sees what was true before. It is a task of its own: a client who hangs up cancels nothing.
//!
//! As long as somebody asks, one connection is kept for it: a pool tries a connection each time it is lent and given back. And as
//! long as a deal does not change, its reads are one and the same deal in memory, so what was made of it need not be made again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::Postgres;
use sqlx::pool::PoolConnection;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout};

use super::deals::deals_by_id;
use super::{Store, StoreError};
use crate::domain::{Deal, DealId};

/// The most deals of one statement.
const BATCH_MAX: usize = 256;
/// How long the connection is kept after nobody asks any more.
const LINGER: Duration = Duration::from_millis(20);
/// How long a read is put off at most until enough have asked. A timer may take a millisecond more.
const GATHER: Duration = Duration::from_millis(1);
/// How long what does not change stays the same in memory. What is made of it may say what time it is.
pub(super) const SAME_FOR: Duration = Duration::from_millis(250);

type Answer = Result<Option<Arc<Deal>>, StoreError>;
type Asked = HashMap<DealId, Vec<oneshot::Sender<Answer>>>;

/// Who waits for which deal. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Together(Arc<Shared>);

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    asked: Notify,
}

#[derive(Default)]
struct Waiting {
    asked: Vec<(DealId, oneshot::Sender<Answer>)>,
    running: bool,
    /// The task that reads is to be woken when so many have asked.
    enough: usize,
    /// The deals of the last read, and since when each is as it is.
    last: HashMap<DealId, (Instant, Arc<Deal>)>,
}

impl Together {
    /// The deal as it is now or later.
    pub(super) async fn read(&self, store: &Store, deal: DealId) -> Answer {
        let (reply, answer) = oneshot::channel();
        let (begin, enough) = {
            let mut waiting = self.lock();
            waiting.asked.push((deal, reply));
            (!std::mem::replace(&mut waiting.running, true), waiting.asked.len() == waiting.enough)
        };
        if begin {
            tokio::spawn(run(Running { together: self.clone(), current: true }, store.clone()));
        } else if enough {
            self.0.asked.notify_one();
        }
        answer.await.unwrap_or_else(|_gone| Err(StoreError::crashed()))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those whom the next statement answers.
    fn take(&self) -> Asked {
        let mut waiting = self.lock();
        let (mut of_deal, mut later) = (Asked::new(), Vec::new());
        for (deal, reply) in waiting.asked.drain(..) {
            if of_deal.len() < BATCH_MAX || of_deal.contains_key(&deal) {
                of_deal.entry(deal).or_default().push(reply);
            } else {
                later.push((deal, reply));
            }
        }
        waiting.asked = later;
        of_deal
    }

    /// These deals in memory: as they were, if they are.
    fn keep(&self, found: Vec<Deal>) -> HashMap<DealId, Arc<Deal>> {
        let now = Instant::now();
        let mut waiting = self.lock();
        let last = std::mem::take(&mut waiting.last);
        let kept = |deal: Deal| match last.get(&deal.id) {
            Some((since, same)) if **same == deal && now - *since < SAME_FOR => (deal.id, (*since, Arc::clone(same))),
            _ => (deal.id, (now, Arc::new(deal))),
        };
        waiting.last = found.into_iter().map(kept).collect();
        waiting.last.iter().map(|(id, (_, deal))| (*id, Arc::clone(deal))).collect()
    }
}

/// Whatever ends the task, the next one can begin, and nobody waits for the one that is gone.
struct Running {
    together: Together,
    /// The task still is the one that runs. It gives that up under the lock, for another may begin right after.
    current: bool,
}

impl Running {
    /// Waits until so many have asked, or this long; whether they have.
    async fn wait_for(&self, enough: usize, most: Duration) -> bool {
        let all = async {
            while !self.have_asked(enough) {
                self.together.0.asked.notified().await;
            }
        };
        timeout(most, all).await.is_ok()
    }

    /// Whether so many have asked; else the task is woken when they have, or before.
    fn have_asked(&self, enough: usize) -> bool {
        let mut waiting = self.together.lock();
        waiting.enough = enough;
        waiting.asked.len() >= enough
    }

    /// Whether it is over: nobody has asked meanwhile.
    fn is_over(&mut self) -> bool {
        let mut waiting = self.together.lock();
        waiting.running = !waiting.asked.is_empty();
        self.current = waiting.running;
        !self.current
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.current {
            let mut waiting = self.together.lock();
            waiting.running = false;
            waiting.asked.clear();
        }
    }
}

async fn run(mut running: Running, store: Store) {
    let mut connection = None;
    let mut answered = 0;
    loop {
        // While many ask again and again, the next read is for half of them at least: one for each few would take the time that
        // answering needs. Whether they were enough by then or not, they are answered.
        if answered > 2 {
            running.wait_for(answered / 2, GATHER).await;
        }
        let asked = running.together.take();
        answered = asked.values().map(Vec::len).sum();
        if answered > 0 {
            answer(&running.together, &store, &mut connection, asked).await;
            // Others may need it more.
            if store.pool.num_idle() == 0 && store.pool.size() >= store.pool.options().get_max_connections() {
                connection = None;
            }
        } else if !running.wait_for(1, LINGER).await && running.is_over() {
            return;
        }
    }
}

async fn answer(together: &Together, store: &Store, connection: &mut Option<PoolConnection<Postgres>>, of_deal: Asked) {
    let ids: Vec<DealId> = of_deal.keys().copied().collect();
    let was_kept = connection.is_some();
    let found = match read(store, connection, &ids).await {
        // It may have been gone since it was last used: one that the pool has tried is better.
        Err(StoreError::Unavailable(_)) if was_kept => {
            *connection = None;
            read(store, connection, &ids).await
        }
        found => found,
    };
    match found {
        Ok(found) => {
            let found = together.keep(found);
            for (deal, replies) in of_deal {
                for reply in replies {
                    // Who hung up meanwhile needs no answer.
                    drop(reply.send(Ok(found.get(&deal).cloned())));
                }
            }
        }
        Err(error) => {
            *connection = None;
            tracing::warn!(%error, deals = ids.len(), "reading deals failed");
            for reply in of_deal.into_values().flatten() {
                drop(reply.send(Err(error.for_another())));
            }
        }
    }
}

async fn read(
    store: &Store,
    connection: &mut Option<PoolConnection<Postgres>>,
    ids: &[DealId],
) -> Result<Vec<Deal>, StoreError> {
    let lent = match connection.take() {
        Some(kept) => kept,
        None => store.pool.acquire().await?,
    };
    deals_by_id(&mut **connection.insert(lent), ids).await
}
