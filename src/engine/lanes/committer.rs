//! Records batches: the requests that arrived during one commit are the next batch.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior};

use super::LaneSettings;
use super::batch::{Batch, Recorder};
use super::job::Job;
use crate::clock::Clock;
use crate::domain::{DealId, JoinOutcome, LeaveOutcome, SignupId};
use crate::failpoint;
use crate::quota::{Change, Quota};
use crate::store::{LaneConnection, Store};

/// The interval of the checks for requests that have waited too long, and for holds to renew.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// The task that records a lane's batches.
pub(super) struct Committer {
    pub(super) number: usize,
    pub(super) store: Store,
    pub(super) quota: Quota,
    pub(super) clock: Clock,
    pub(super) settings: LaneSettings,
    pub(super) committed: mpsc::Sender<Change>,
    pub(super) settle_soon: Arc<Notify>,
}

/// A batch that is being recorded.
struct UnderWay {
    task: JoinHandle<LaneConnection>,
    holds: Vec<(DealId, SignupId)>,
    renewed_at: Instant,
}

impl Committer {
    /// Runs until every sender of jobs is gone and the last batch is recorded.
    pub(super) async fn run(self, mut arrived: mpsc::Receiver<Job>) {
        let recorder = Recorder {
            store: self.store.clone(),
            quota: self.quota.clone(),
            clock: self.clock.clone(),
            committed: self.committed.clone(),
            settle_soon: Arc::clone(&self.settle_soon),
            queue_wait_max: self.settings.queue_wait_max,
        };
        let mut waiting: VecDeque<Job> = VecDeque::new();
        let mut free = Some(self.store.lane_connection());
        let mut under_way: Option<UnderWay> = None;
        let mut checks = tokio::time::interval(CHECK_INTERVAL);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut incoming = Vec::new();
        let mut open = true;
        while open || under_way.is_some() || !waiting.is_empty() {
            if under_way.is_none()
                && !waiting.is_empty()
                && let Some(connection) = free.take()
            {
                under_way = Some(self.begin(&mut waiting, connection, &recorder));
            }
            tokio::select! {
                arrivals = arrived.recv_many(&mut incoming, self.settings.queue_max), if open => {
                    open = arrivals > 0;
                    waiting.extend(incoming.drain(..));
                    failpoint::reach("queued");
                }
                connection = finished(&mut under_way) => {
                    under_way = None;
                    // A task that panicked has lost its connection. The defect is logged, and the lane continues.
                    free = Some(connection.unwrap_or_else(|| recorder.lost_connection(self.number)));
                }
                _ = checks.tick() => {
                    self.shed_late_requests(&mut waiting);
                    self.renew_holds(&mut under_way);
                }
            }
        }
    }

    fn begin(&self, waiting: &mut VecDeque<Job>, connection: LaneConnection, recorder: &Recorder) -> UnderWay {
        let most = waiting.len().min(self.settings.batch_max);
        if let Some(oldest) = waiting.front() {
            metrics::histogram!("muster_lane_wait_seconds").record(oldest.queued_at().elapsed());
        }
        let batch = Batch::of(waiting.drain(..most));
        metrics::histogram!("muster_batch_rows").record(u32::try_from(most).unwrap_or(u32::MAX));
        metrics::gauge!("muster_lane_depth", "lane" => self.number.to_string())
            .set(u32::try_from(waiting.len()).unwrap_or(u32::MAX));
        let holds = batch.holds();
        let recorder = recorder.clone();
        let task = tokio::spawn(async move { recorder.record(batch, connection).await });
        UnderWay { task, holds, renewed_at: Instant::now() }
    }

    /// Sheds load: answers "busy" to requests that have waited too long, before their clients time out.
    fn shed_late_requests(&self, waiting: &mut VecDeque<Job>) {
        let late = waiting.iter().take_while(|job| job.queued_at().elapsed() > self.settings.queue_wait_max).count();
        let mut holds = Vec::new();
        for job in waiting.drain(..late) {
            match job {
                Job::Join(join) => {
                    holds.push((join.request.deal, join.request.id));
                    join.answer(JoinOutcome::Busy { retry_after_s: 2 });
                }
                Job::Leave(leave) => leave.answer(LeaveOutcome::Busy { retry_after_s: 2 }),
            }
        }
        let quota = self.quota.clone();
        if !holds.is_empty() {
            tokio::spawn(async move { super::batch::release(&quota, &holds).await });
        }
    }

    /// Renews the holds of the batch, so that none expires while Postgres is slow.
    fn renew_holds(&self, under_way: &mut Option<UnderWay>) {
        let Some(batch) = under_way.as_mut().filter(|b| b.renewed_at.elapsed() > self.settings.renew_every) else {
            return;
        };
        batch.renewed_at = Instant::now();
        let (quota, holds) = (self.quota.clone(), batch.holds.clone());
        tokio::spawn(async move {
            for (deal, signups) in super::batch::by_deal(&holds) {
                quota.renew(deal, &signups).await;
            }
        });
    }
}

/// Waits for the batch that is being recorded, and returns its connection, or `None` if its task panicked. Never
/// completes without a batch.
async fn finished(under_way: &mut Option<UnderWay>) -> Option<LaneConnection> {
    match under_way {
        Some(batch) => (&mut batch.task).await.inspect_err(|error| tracing::error!(%error, "a batch was lost")).ok(),
        None => std::future::pending().await,
    }
}
