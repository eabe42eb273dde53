//! Records a batch: sends it until Postgres answers, answers its requests, and passes its changes to the applier.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::job::{Job, JoinJob, LeaveJob};
use crate::clock::Clock;
use crate::domain::{DealId, DealState, JoinOutcome, Joined, LeaveOutcome, SignupId, SignupState};
use crate::failpoint;
use crate::quota::{BuyerUnits, Change, Quota};
use crate::store::{CommitError, Decided, DecidedJoin, DecidedLeave, Decision, LaneConnection, LeaveDecision};

/// The maximum number of retries of a batch after a rollback, unless the batch is in doubt.
const RETRIES_MAX: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// The requests of one batch. Joins are recorded first, because a leave in the batch may undo one of its joins.
pub(super) struct Batch {
    joins: Vec<JoinJob>,
    leaves: Vec<LeaveJob>,
}

impl Batch {
    pub(super) fn of(jobs: impl Iterator<Item = Job>) -> Self {
        let mut batch = Self { joins: Vec::new(), leaves: Vec::new() };
        for job in jobs {
            match job {
                Job::Join(join) => batch.joins.push(join),
                Job::Leave(leave) => batch.leaves.push(leave),
            }
        }
        batch
    }

    pub(super) fn holds(&self) -> Vec<(DealId, SignupId)> {
        self.joins.iter().map(|join| (join.request.deal, join.request.id)).collect()
    }
}

/// The context for recording a batch, without the connection.
#[derive(Clone)]
pub(super) struct Recorder {
    pub(super) store: crate::store::Store,
    pub(super) quota: Quota,
    pub(super) clock: Clock,
    pub(super) committed: mpsc::Sender<Change>,
    pub(super) settle_soon: Arc<Notify>,
    pub(super) queue_wait_max: Duration,
}

/// The next step after a failed call.
enum Next {
    /// Wait for this time, and send the same batch again.
    Again(Duration),
    /// Halve the batch, to find the bad row by bisection.
    Halve,
    /// Give up the batch: nothing was recorded, and a later retry by the client may succeed.
    GiveUp,
    /// Give up the batch because of a defect: sending it again would not help.
    Broken,
}

/// The attempts to send a batch so far.
#[derive(Default)]
struct Sending {
    rollbacks: u32,
    failures: u32,
    /// A call was not answered, so its batch may be committed. From then on, the batch is sent until Postgres answers.
    in_doubt: bool,
}

impl Sending {
    /// Before the first attempt. Half of a batch that is in doubt is in doubt, too.
    fn begin(in_doubt: bool) -> Self {
        Self { in_doubt, ..Self::default() }
    }

    fn next(&mut self, error: &CommitError, waited_too_long: bool) -> Next {
        self.failures += 1;
        self.in_doubt |= matches!(error, CommitError::InDoubt(_));
        let wait = jitter((FIRST_WAIT * 2_u32.saturating_pow(self.failures.min(8))).min(LONGEST_WAIT));
        match error {
            CommitError::RolledBack(_) => {
                self.rollbacks += 1;
                if self.in_doubt || self.rollbacks <= RETRIES_MAX { Next::Again(wait) } else { Next::GiveUp }
            }
            CommitError::BadRow(_) => Next::Halve,
            CommitError::InDoubt(_) => Next::Again(wait),
            CommitError::NotSent(_) | CommitError::Exhausted(_) if self.in_doubt => Next::Again(wait),
            CommitError::NotSent(_) if !waited_too_long => Next::Again(wait),
            CommitError::NotSent(_) | CommitError::Exhausted(_) => Next::GiveUp,
            CommitError::Broken(_) => Next::Broken,
        }
    }
}

impl Recorder {
    /// Records a batch and answers its requests. Returns the connection for the next batch.
    pub(super) async fn record(self, batch: Batch, mut connection: LaneConnection) -> LaneConnection {
        if !batch.joins.is_empty() {
            Box::pin(self.record_joins(batch.joins, false, &mut connection)).await;
        }
        if !batch.leaves.is_empty() {
            Box::pin(self.record_leaves(batch.leaves, false, &mut connection)).await;
        }
        connection
    }

    /// Replaces the connection of a recording task that panicked.
    pub(super) fn lost_connection(&self, lane: usize) -> LaneConnection {
        tracing::error!(lane, "a lane's task ended early: continuing with a new connection");
        self.store.lane_connection()
    }

    async fn record_joins(&self, mut joins: Vec<JoinJob>, in_doubt: bool, connection: &mut LaneConnection) {
        let requests: Vec<_> = joins.iter().map(|join| join.request).collect();
        let mut sending = Sending::begin(in_doubt);
        loop {
            let began = Instant::now();
            let error = match connection.commit_signups(&requests).await {
                Ok(decided) => {
                    metrics::histogram!("muster_commit_seconds").record(began.elapsed());
                    return self.deliver_joins(joins, decided);
                }
                Err(error) => error,
            };
            let oldest = joins.iter().map(|join| join.queued_at.elapsed()).max().unwrap_or_default();
            match sending.next(&error, oldest > self.queue_wait_max) {
                Next::Again(wait) => {
                    metrics::counter!("muster_batches_sent_again_total").increment(1);
                    tracing::warn!(%error, joins = joins.len(), in_doubt = sending.in_doubt, "retrying a batch");
                    tokio::time::sleep(wait).await;
                }
                Next::Halve if joins.len() > 1 => {
                    let second = joins.split_off(joins.len() / 2);
                    Box::pin(self.record_joins(joins, sending.in_doubt, connection)).await;
                    return Box::pin(self.record_joins(second, sending.in_doubt, connection)).await;
                }
                Next::GiveUp => return self.give_up_joins(joins, &error, JoinOutcome::Busy { retry_after_s: 2 }).await,
                Next::Halve | Next::Broken => return self.give_up_joins(joins, &error, JoinOutcome::Broken).await,
            }
        }
    }

    async fn record_leaves(&self, mut leaves: Vec<LeaveJob>, in_doubt: bool, connection: &mut LaneConnection) {
        let requests: Vec<_> = leaves.iter().map(|leave| (leave.id, leave.deal, leave.buyer)).collect();
        let mut sending = Sending::begin(in_doubt);
        loop {
            let error = match connection.commit_leaves(&requests).await {
                Ok(decided) => return self.deliver_leaves(leaves, decided),
                Err(error) => error,
            };
            let oldest = leaves.iter().map(|leave| leave.queued_at.elapsed()).max().unwrap_or_default();
            match sending.next(&error, oldest > self.queue_wait_max) {
                Next::Again(wait) => tokio::time::sleep(wait).await,
                Next::Halve if leaves.len() > 1 => {
                    let second = leaves.split_off(leaves.len() / 2);
                    Box::pin(self.record_leaves(leaves, sending.in_doubt, connection)).await;
                    return Box::pin(self.record_leaves(second, sending.in_doubt, connection)).await;
                }
                Next::GiveUp => {
                    tracing::warn!(%error, leaves = leaves.len(), "rejected leaves as busy");
                    return leaves.into_iter().for_each(|leave| leave.answer(LeaveOutcome::Busy { retry_after_s: 2 }));
                }
                Next::Halve | Next::Broken => {
                    tracing::error!(%error, leaves = leaves.len(), "leaves could not be recorded");
                    return leaves.into_iter().for_each(|leave| leave.answer(LeaveOutcome::Broken));
                }
            }
        }
    }

    /// Gives up joins: answers them and releases their holds.
    async fn give_up_joins(&self, joins: Vec<JoinJob>, error: &CommitError, outcome: JoinOutcome) {
        tracing::error!(%error, joins = joins.len(), "a batch was given up");
        let holds: Vec<_> = joins.iter().map(|join| (join.request.deal, join.request.id)).collect();
        for join in joins {
            join.answer(outcome);
        }
        release(&self.quota, &holds).await;
    }

    fn deliver_joins(&self, joins: Vec<JoinJob>, decided: Decided<DecidedJoin>) {
        if let Some(at) = decided.at {
            self.clock.correct(at);
        }
        let mut changes: HashMap<DealId, Change> = changes(&decided);
        if let Some(oldest) = joins.iter().map(|join| join.queued_at).min() {
            metrics::histogram!("muster_hold_age_seconds").record(oldest.elapsed());
        }
        let mut is_settling_due = false;
        for (join, row) in joins.into_iter().zip(decided.rows) {
            let request = join.request;
            let Some(change) = changes.get_mut(&request.deal) else {
                join.answer(JoinOutcome::NoSuchDeal);
                continue;
            };
            change.done.push(request.id);
            note_buyer(change, request.buyer, row.buyer_units);
            is_settling_due |= row.decision == Decision::Ok && change.progress.state == DealState::Tipped;
            let joined = |replayed, state| {
                JoinOutcome::Joined(Joined {
                    id: request.id,
                    deal: request.deal,
                    units: request.units.get(),
                    number: row.number,
                    state,
                    progress: change.progress,
                    replayed,
                })
            };
            let outcome = match row.decision {
                Decision::Ok => joined(false, SignupState::Active),
                Decision::Replay => joined(true, row.state),
                Decision::NoSuchDeal => JoinOutcome::NoSuchDeal,
                Decision::Refused(refusal) => JoinOutcome::Refused(refusal),
            };
            join.answer(outcome);
        }
        self.hand_on(changes);
        if is_settling_due {
            self.settle_soon.notify_one();
        }
    }

    fn deliver_leaves(&self, leaves: Vec<LeaveJob>, decided: Decided<DecidedLeave>) {
        let mut changes = changes(&decided);
        for (leave, row) in leaves.into_iter().zip(decided.rows) {
            if let Some(change) = changes.get_mut(&leave.deal) {
                note_buyer(change, leave.buyer, row.buyer_units);
            }
            let outcome = match row.decision {
                LeaveDecision::Left => LeaveOutcome::Left,
                LeaveDecision::NoSuchSignup => LeaveOutcome::NoSuchSignup,
                LeaveDecision::AlreadyTipped => LeaveOutcome::AlreadyTipped,
                LeaveDecision::Closed => LeaveOutcome::Closed,
            };
            leave.answer(outcome);
        }
        self.hand_on(changes);
    }

    /// Passes the changes to the applier, after every request has been answered. If its queue is full, the reconciler
    /// applies them.
    fn hand_on(&self, changes: HashMap<DealId, Change>) {
        failpoint::reach("after_reply");
        for change in changes.into_values() {
            if self.committed.try_send(change).is_err() {
                metrics::counter!("muster_changes_left_to_reconciling_total").increment(1);
            }
        }
    }
}

fn changes<T>(decided: &Decided<T>) -> HashMap<DealId, Change> {
    let change = |figures: &crate::store::Figures| (figures.progress.deal, crate::engine::change(*figures));
    decided.figures.iter().map(change).collect()
}

/// Adds the buyer's units to the change. A replay includes them, too, because Redis may have missed the buyer.
fn note_buyer(change: &mut Change, buyer: crate::domain::AccountId, units: Option<(u32, i64)>) {
    if let Some((units, rev)) = units {
        change.buyers.push(BuyerUnits { buyer, units, rev });
    }
}

/// Releases holds, deal by deal.
pub(super) async fn release(quota: &Quota, holds: &[(DealId, SignupId)]) {
    for (deal, signups) in by_deal(holds) {
        quota.release(deal, &signups).await;
    }
}

pub(super) fn by_deal(holds: &[(DealId, SignupId)]) -> HashMap<DealId, Vec<SignupId>> {
    let mut of_deal: HashMap<DealId, Vec<SignupId>> = HashMap::new();
    for (deal, signup) in holds {
        of_deal.entry(*deal).or_default().push(*signup);
    }
    of_deal
}

fn jitter(wait: Duration) -> Duration {
    wait.mul_f64(rand::rng().random_range(0.5..1.0))
}
