//! Reading single deals, many at a time.
//!
//! What is asked for while a read is under way is answered by the next one, as one statement: a deal page that everybody looks
//! at costs one read after the other, not one for each of them. A read begins after everybody whom it answers has asked, so
//! nobody sees what was true before. It is a task of its own: a client who hangs up cancels nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::{Ledger, LedgerError};
use crate::domain::{Deal, DealId};

/// The most deals of one statement.
const BATCH_MAX: usize = 256;

type Answer = Result<Option<Arc<Deal>>, LedgerError>;

/// Who waits for which deal. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Together(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    asked: Vec<(DealId, oneshot::Sender<Answer>)>,
    running: bool,
}

impl Together {
    /// The deal as it is now or later.
    pub(super) async fn read(&self, ledger: &Ledger, deal: DealId) -> Answer {
        let (reply, answer) = oneshot::channel();
        let begin = {
            let mut waiting = self.lock();
            waiting.asked.push((deal, reply));
            !std::mem::replace(&mut waiting.running, true)
        };
        if begin {
            tokio::spawn(run(Running { together: self.clone(), current: true }, ledger.clone()));
        }
        answer.await.unwrap_or_else(|_gone| Err(LedgerError::crashed()))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whatever ends the task, the next one can begin, and nobody waits for the one that is gone.
struct Running {
    together: Together,
    /// The task still is the one that runs. It gives that up under the lock, for another may begin right after.
    current: bool,
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

async fn run(mut running: Running, ledger: Ledger) {
    loop {
        let mut of_deal: HashMap<DealId, Vec<oneshot::Sender<Answer>>> = HashMap::new();
        {
            let mut waiting = running.together.lock();
            if waiting.asked.is_empty() {
                waiting.running = false;
                running.current = false;
                return;
            }
            let mut later = Vec::new();
            for (deal, reply) in waiting.asked.drain(..) {
                if of_deal.len() < BATCH_MAX || of_deal.contains_key(&deal) {
                    of_deal.entry(deal).or_default().push(reply);
                } else {
                    later.push((deal, reply));
                }
            }
            waiting.asked = later;
        }
        answer(&ledger, of_deal).await;
    }
}

async fn answer(ledger: &Ledger, of_deal: HashMap<DealId, Vec<oneshot::Sender<Answer>>>) {
    let ids: Vec<DealId> = of_deal.keys().copied().collect();
    match ledger.deals_by_id(&ids).await {
        Ok(found) => {
            let found: HashMap<DealId, Arc<Deal>> = found.into_iter().map(|deal| (deal.id, Arc::new(deal))).collect();
            for (deal, replies) in of_deal {
                for reply in replies {
                    // Who hung up meanwhile needs no answer.
                    drop(reply.send(Ok(found.get(&deal).cloned())));
                }
            }
        }
        Err(error) => {
            tracing::warn!(%error, deals = ids.len(), "reading deals failed");
            for reply in of_deal.into_values().flatten() {
                drop(reply.send(Err(error.for_another())));
            }
        }
    }
}
