//! Issuing the coupons of tipped deals.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::Engine;
use crate::domain::CouponId;
use crate::failpoint;
use crate::ledger::{CouponToIssue, LedgerError, Unsettled};

/// A chunk is sent, and hardly ever committed, within this time.
const FAILPOINT_GRACE: Duration = Duration::from_millis(1);
/// How many chunks are read at once, and how many of them are settled at the same time.
const CHUNKS_AHEAD: u32 = 8;
const CHUNKS_AT_A_TIME: usize = 2;

impl Engine {
    /// Issues every coupon that is due, in calls of about `chunk` coupons. May be killed anywhere, and run on every node.
    /// Answers how many coupons it issued.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn settle(&self, chunk: u32) -> Result<u64, LedgerError> {
        let issued = self.settle_all(chunk).await;
        self.many_to_settle.store(false, Ordering::Relaxed);
        issued
    }

    /// Whether coupons for more than one call are being issued on this node: what can wait, waits for them.
    #[must_use]
    pub fn has_many_to_settle(&self) -> bool {
        self.many_to_settle.load(Ordering::Relaxed)
    }

    async fn settle_all(&self, chunk: u32) -> Result<u64, LedgerError> {
        let mut issued = 0;
        loop {
            // Some chunks ahead: each look goes past what the last ones have settled.
            let most = chunk.saturating_mul(CHUNKS_AHEAD);
            let waiting = self.ledger.unsettled(most).await?;
            let calls: Vec<_> =
                chunks(&waiting, chunk).map(|these| self.clone().settle_chunk(these.to_vec())).collect();
            self.many_to_settle.store(calls.len() > 1, Ordering::Relaxed);
            let settled: Vec<u64> = stream::iter(calls).buffer_unordered(CHUNKS_AT_A_TIME).try_collect().await?;
            let settled_now: u64 = settled.into_iter().sum();
            issued += settled_now;
            metrics::counter!("muster_coupons_issued_total").increment(settled_now);
            // Nothing was ours: another node is at it, and does the rest as well.
            if waiting.len() < most as usize || settled_now == 0 {
                break;
            }
        }
        self.ledger.mark_settled_deals().await?;
        Ok(issued)
    }

    async fn settle_chunk(self, signups: Vec<Unsettled>) -> Result<u64, LedgerError> {
        let coupons = self.coupons_of(&signups);
        let settling = self.ledger.settle_signups(&coupons, self.codes.newest());
        failpoint::reach_within("mid_coupon_chunk", FAILPOINT_GRACE, settling).await
    }

    fn coupons_of(&self, signups: &[Unsettled]) -> Vec<CouponToIssue> {
        let key = self.codes.newest();
        let coupons = signups.iter().flat_map(|waiting| (1..=waiting.units).map(move |ordinal| (waiting, ordinal)));
        let issue = coupons.filter_map(|(waiting, ordinal)| {
            let id = CouponId::derive(waiting.signup, ordinal);
            let code = self.codes.code(key, id).ok()?;
            Some(CouponToIssue {
                deal: waiting.deal,
                signup: waiting.signup,
                ordinal,
                id,
                lookup: self.codes.lookup(&code),
            })
        });
        issue.collect()
    }
}

/// Cuts signups into pieces that have at most so many units together, or one signup.
fn chunks(signups: &[Unsettled], most: u32) -> impl Iterator<Item = &[Unsettled]> {
    let mut rest = signups;
    std::iter::from_fn(move || {
        let (these, others) = rest.split_at(fitting(rest, most));
        rest = others;
        (!these.is_empty()).then_some(these)
    })
}

/// How many of these signups have together at most `most` units; at least one, if there is one.
fn fitting(signups: &[Unsettled], most: u32) -> usize {
    let mut units = 0_u32;
    let fits = signups.iter().take_while(|waiting| {
        units = units.saturating_add(waiting.units);
        units <= most
    });
    fits.count().max(1).min(signups.len())
}
