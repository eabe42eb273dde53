//! Issuing the coupons of tipped deals.

use std::time::Duration;

use super::Engine;
use crate::domain::CouponId;
use crate::failpoint;
use crate::ledger::{CouponToIssue, LedgerError, Unsettled};

/// A chunk is sent, and hardly ever committed, within this time.
const FAILPOINT_GRACE: Duration = Duration::from_millis(1);

impl Engine {
    /// Issues every coupon that is due, in calls of about `chunk` coupons. May be killed anywhere, and run on every node.
    /// Answers how many coupons it issued.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn settle(&self, chunk: u32) -> Result<u64, LedgerError> {
        let mut issued = 0;
        loop {
            let waiting = self.ledger.unsettled(chunk).await?;
            let found = waiting.len();
            let mut settled_now = 0;
            let mut rest = waiting.as_slice();
            while !rest.is_empty() {
                let (these, others) = rest.split_at(fitting(rest, chunk));
                rest = others;
                let coupons = self.coupons_of(these);
                let settling = self.ledger.settle_signups(&coupons, self.codes.newest());
                settled_now += failpoint::reach_within("mid_coupon_chunk", FAILPOINT_GRACE, settling).await?;
            }
            issued += settled_now;
            metrics::counter!("muster_coupons_issued_total").increment(settled_now);
            // Nothing was ours: another node is at it, and does the rest as well.
            if found < chunk as usize || settled_now == 0 {
                break;
            }
        }
        self.ledger.mark_settled_deals().await?;
        Ok(issued)
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

/// How many of these signups have together at most `most` units; at least one.
fn fitting(signups: &[Unsettled], most: u32) -> usize {
    let mut units = 0_u32;
    let fits = signups.iter().take_while(|waiting| {
        units = units.saturating_add(waiting.units);
        units <= most
    });
    fits.count().max(1)
}
