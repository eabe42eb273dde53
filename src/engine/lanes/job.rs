//! The jobs in the queue of a lane.

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::slots::Slot;
use crate::domain::{AccountId, DealId, JoinOutcome, JoinRequest, LeaveOutcome, SignupId};

/// A request in a lane's queue.
pub(super) enum Job {
    /// A request to join.
    Join(JoinJob),
    /// A request to leave.
    Leave(LeaveJob),
}

/// A request to join, and the channel for its outcome.
pub(super) struct JoinJob {
    pub(super) request: JoinRequest,
    pub(super) reply: oneshot::Sender<JoinOutcome>,
    pub(super) slot: Slot,
    pub(super) queued_at: Instant,
}

/// A request to leave, and the channel for its outcome.
pub(super) struct LeaveJob {
    pub(super) id: SignupId,
    pub(super) deal: DealId,
    pub(super) buyer: AccountId,
    pub(super) reply: oneshot::Sender<LeaveOutcome>,
    pub(super) slot: Slot,
    pub(super) queued_at: Instant,
}

impl Job {
    pub(super) fn queued_at(&self) -> Instant {
        match self {
            Self::Join(job) => job.queued_at,
            Self::Leave(job) => job.queued_at,
        }
    }
}

impl JoinJob {
    /// Frees the slot before answering, so that a client that retries immediately finds it free. The outcome stands
    /// even if the client has disconnected.
    pub(super) fn answer(self, outcome: JoinOutcome) {
        metrics::counter!("muster_joins_total", "outcome" => word(&outcome)).increment(1);
        drop(self.slot);
        self.reply.send(outcome).ok();
    }
}

impl LeaveJob {
    /// Frees the slot before answering.
    pub(super) fn answer(self, outcome: LeaveOutcome) {
        metrics::counter!("muster_leaves_total", "outcome" => leave_word(outcome)).increment(1);
        drop(self.slot);
        self.reply.send(outcome).ok();
    }
}

fn word(outcome: &JoinOutcome) -> &'static str {
    match outcome {
        JoinOutcome::Joined(joined) if joined.replayed => "replayed",
        JoinOutcome::Joined(_) => "joined",
        JoinOutcome::Refused(refusal) => refusal.word(),
        JoinOutcome::Pending(_) => "pending",
        JoinOutcome::Busy { .. } => "busy",
        JoinOutcome::NoSuchDeal => "no_such_deal",
        JoinOutcome::Broken => "broken",
    }
}

fn leave_word(outcome: LeaveOutcome) -> &'static str {
    match outcome {
        LeaveOutcome::Left => "left",
        LeaveOutcome::AlreadyTipped => "already_tipped",
        LeaveOutcome::Closed => "closed",
        LeaveOutcome::NoSuchSignup => "no_such_signup",
        LeaveOutcome::Pending => "pending",
        LeaveOutcome::Busy { .. } => "busy",
        LeaveOutcome::Broken => "broken",
    }
}
