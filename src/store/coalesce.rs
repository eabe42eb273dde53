//! Single-flight reads: requests that arrive during a read share the next read. Deals, the front page, and the
//! identities behind tokens and sessions are read this way.
//!
//! A popular page causes one read at a time, instead of one for each request. A read begins after every request that it
//! answers, so no answer is older than its request. The read runs in its own task, so a client that disconnects does
//! not cancel it.
//!
//! A value that does not change between reads keeps its `Arc` for [`SAME_FOR`], so that a page rendered from it can be
//! reused.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout};

use super::StoreError;

/// The maximum number of keys in one read.
const BATCH_MAX: usize = 256;
/// How long an idle task waits for a request before it ends.
const LINGER: Duration = Duration::from_millis(20);
/// The maximum delay of a read to gather requests. Timer resolution may add a millisecond.
const GATHER: Duration = Duration::from_millis(1);
/// How long an unchanged value keeps its `Arc`. The limit exists because pages rendered from a value may depend on the
/// time.
const SAME_FOR: Duration = Duration::from_millis(250);

/// A source of values, read by key.
pub(crate) trait Source: Send + 'static {
    type Key: Copy + Eq + Hash + Send + Sync + 'static;
    type Value: PartialEq + Send + Sync + 'static;

    /// The values of these keys as of now. Keys without a value are left out.
    fn read(&mut self, keys: &[Self::Key]) -> impl Future<Output = Found<Self::Key, Self::Value>> + Send;

    /// Called after each read, to release resources such as a connection.
    fn rest(&mut self) {}
}

/// The values of some keys.
pub(crate) type Found<K, V> = Result<Vec<(K, V)>, StoreError>;
type Answer<V> = Result<Option<Arc<V>>, StoreError>;
type Requests<K, V> = HashMap<K, Vec<oneshot::Sender<Answer<V>>>>;

/// The queue of requests for one source. Cheap to clone.
pub(crate) struct Coalesce<K, V>(Arc<Shared<K, V>>);

struct Shared<K, V> {
    /// The noun for the values, for log messages.
    what: &'static str,
    /// The maximum number of waiting requests. Further requests fail with [`StoreError::Busy`].
    waiting_max: usize,
    waiting: Mutex<Waiting<K, V>>,
    arrived: Notify,
}

struct Waiting<K, V> {
    requests: Vec<(K, oneshot::Sender<Answer<V>>)>,
    running: bool,
    /// The number of queued requests at which the task is woken.
    enough: usize,
    /// The values of the last read, each with the time since which it is unchanged.
    last: HashMap<K, (Instant, Arc<V>)>,
}

impl<K, V> Clone for Coalesce<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, V> Coalesce<K, V> {
    pub(crate) fn new(what: &'static str, waiting_max: usize) -> Self {
        let waiting = Waiting { requests: Vec::new(), running: false, enough: 0, last: HashMap::new() };
        Self(Arc::new(Shared { what, waiting_max, waiting: Mutex::new(waiting), arrived: Notify::new() }))
    }
}

impl<K: Copy + Eq + Hash + Send + Sync + 'static, V: PartialEq + Send + Sync + 'static> Coalesce<K, V> {
    /// The value of this key, from a read that begins after the call. `None` if the key has no value.
    ///
    /// A request stays queued after its caller was dropped, until the next read. So abandoned requests count towards
    /// `waiting_max`.
    pub(crate) async fn read<S: Source<Key = K, Value = V>>(&self, key: K, source: impl FnOnce() -> S) -> Answer<V> {
        let (reply, answer) = oneshot::channel();
        let (begin, enough) = {
            let mut waiting = self.lock();
            if waiting.requests.len() >= self.0.waiting_max {
                return Err(StoreError::Busy);
            }
            waiting.requests.push((key, reply));
            (!std::mem::replace(&mut waiting.running, true), waiting.requests.len() == waiting.enough)
        };
        if begin {
            tokio::spawn(run(Running { coalesce: self.clone(), current: true }, source()));
        } else if enough {
            self.0.arrived.notify_one();
        }
        answer.await.unwrap_or_else(|_gone| Err(StoreError::crashed()))
    }

    /// Takes the requests that the next read answers.
    fn take(&self) -> Requests<K, V> {
        let mut waiting = self.lock();
        let (mut requests, mut later) = (Requests::new(), Vec::new());
        // Requests whose caller was dropped need no answer.
        for (key, reply) in waiting.requests.drain(..).filter(|(_, reply)| !reply.is_closed()) {
            if requests.len() < BATCH_MAX || requests.contains_key(&key) {
                requests.entry(key).or_default().push(reply);
            } else {
                later.push((key, reply));
            }
        }
        waiting.requests = later;
        requests
    }

    /// Wraps the values of a read. A value that equals the one of the last read reuses its `Arc` for up to
    /// [`SAME_FOR`].
    fn keep(&self, found: Vec<(K, V)>) -> HashMap<K, Arc<V>> {
        let now = Instant::now();
        let mut waiting = self.lock();
        let last = std::mem::take(&mut waiting.last);
        let kept = |(key, value): (K, V)| match last.get(&key) {
            Some((since, same)) if **same == value && now - *since < SAME_FOR => (key, (*since, Arc::clone(same))),
            _ => (key, (now, Arc::new(value))),
        };
        waiting.last = found.into_iter().map(kept).collect();
        waiting.last.iter().map(|(key, (_, value))| (*key, Arc::clone(value))).collect()
    }
}

impl<K, V> Coalesce<K, V> {
    fn lock(&self) -> MutexGuard<'_, Waiting<K, V>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The state of the reading task. However the task ends, the next one can start, and no request waits forever.
struct Running<K, V> {
    coalesce: Coalesce<K, V>,
    /// Whether this task is still the reader. It gives up this role under the lock, because another task may start
    /// immediately after.
    current: bool,
}

impl<K, V> Running<K, V> {
    /// Waits until this many requests are queued, at most for `most`. Returns whether they are queued.
    async fn wait_for(&self, enough: usize, most: Duration) -> bool {
        let all = async {
            while !self.has(enough) {
                self.coalesce.0.arrived.notified().await;
            }
        };
        timeout(most, all).await.is_ok()
    }

    /// Whether this many requests are queued. If not, the task is woken once they are, or earlier.
    fn has(&self, enough: usize) -> bool {
        let mut waiting = self.coalesce.lock();
        waiting.enough = enough;
        waiting.requests.len() >= enough
    }

    /// Gives up the role of the reader, unless a request has arrived. Returns whether it was given up.
    fn retire(&mut self) -> bool {
        let mut waiting = self.coalesce.lock();
        waiting.running = !waiting.requests.is_empty();
        self.current = waiting.running;
        !self.current
    }
}

impl<K, V> Drop for Running<K, V> {
    fn drop(&mut self) {
        if self.current {
            let mut waiting = self.coalesce.lock();
            waiting.running = false;
            waiting.requests.clear();
        }
    }
}

async fn run<S: Source>(mut running: Running<S::Key, S::Value>, mut source: S) {
    let mut answered = 0;
    loop {
        // While the same clients keep polling, the next read waits for half of them, up to a limit. Many small reads
        // would use more CPU time.
        if answered > 2 {
            running.wait_for(answered / 2, GATHER).await;
        }
        let requests = running.coalesce.take();
        answered = requests.values().map(Vec::len).sum();
        if answered > 0 {
            answer(&running.coalesce, &mut source, requests).await;
            source.rest();
        } else if !running.wait_for(1, LINGER).await && running.retire() {
            return;
        }
    }
}

async fn answer<S: Source>(
    coalesce: &Coalesce<S::Key, S::Value>,
    source: &mut S,
    requests: Requests<S::Key, S::Value>,
) {
    let keys: Vec<S::Key> = requests.keys().copied().collect();
    match source.read(&keys).await {
        Ok(found) => {
            let found = coalesce.keep(found);
            for (key, replies) in requests {
                for reply in replies {
                    // A client that disconnected needs no answer.
                    drop(reply.send(Ok(found.get(&key).cloned())));
                }
            }
        }
        Err(error) => {
            tracing::warn!(%error, what = coalesce.0.what, keys = keys.len(), "a shared read failed");
            for reply in requests.into_values().flatten() {
                drop(reply.send(Err(error.for_another())));
            }
        }
    }
}
