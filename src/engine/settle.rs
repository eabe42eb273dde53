//! Issuing the coupons of tipped deals.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{StreamExt, stream};

use super::{CodeKeys, Engine, NoCodeKey};
use crate::domain::{CouponId, DealId};
use crate::failpoint;
use crate::store::{CouponToIssue, Settler, Settling, StoreError, Unsettled};

/// A chunk is sent, and hardly ever committed, within this time.
const FAILPOINT_GRACE: Duration = Duration::from_millis(1);
/// How many chunks are read at once, and of how many the codes are made while one is settled.
const CHUNKS_READ: u32 = 8;
const CHUNKS_MADE: usize = 2;

impl Engine {
    /// Issues every coupon that is due, in calls of about `chunk` coupons. May be killed anywhere, and run on every node.
    /// Answers how many coupons it issued.
    ///
    /// # Errors
    /// Postgres is away.
    pub async fn settle(&self, chunk: u32) -> Result<u64, StoreError> {
        let issued = self.settle_all(chunk).await;
        self.many_to_settle.store(false, Ordering::Relaxed);
        issued
    }

    /// Whether coupons for more than one call are being issued on this node: what can wait, waits for them.
    #[must_use]
    pub fn has_many_to_settle(&self) -> bool {
        self.many_to_settle.load(Ordering::Relaxed)
    }

    async fn settle_all(&self, chunk: u32) -> Result<u64, StoreError> {
        let mut issued = 0;
        let mut settler = self.store.settler().await?;
        loop {
            // Some chunks ahead: a look goes through all deals that are on, however little it finds.
            let most = chunk.saturating_mul(CHUNKS_READ);
            let waiting = settler.unsettled(most).await?;
            let chunks: Vec<_> = chunks(&waiting, chunk).map(<[_]>::to_vec).collect();
            self.many_to_settle.store(chunks.len() > 1, Ordering::Relaxed);
            // One after the other, as each begins where the last one ended.
            let mut made = stream::iter(chunks).map(|these| self.make(these)).buffered(CHUNKS_MADE);
            let mut settled_now = 0;
            while let Some(chunk) = made.next().await {
                settled_now += self.settle_chunk(&mut settler, chunk).await?;
            }
            issued += settled_now;
            metrics::counter!("muster_coupons_issued_total").increment(settled_now);
            // Nothing was ours: another node is at it, and does the rest as well.
            if waiting.len() < most as usize || settled_now == 0 {
                break;
            }
        }
        drop(settler);
        self.store.mark_settled_deals().await?;
        Ok(issued)
    }

    /// Makes the coupons of a chunk, in a thread where that stops nobody.
    async fn make(&self, signups: Vec<Unsettled>) -> Made {
        let codes = self.codes.clone();
        tokio::task::spawn_blocking(move || made(&signups, &codes)).await.unwrap_or_default()
    }

    async fn settle_chunk(&self, settler: &mut Settler, made: Made) -> Result<u64, StoreError> {
        if made.coupons.is_empty() {
            return Ok(0);
        }
        let settling = settler.settle_signups(&made.settling, &made.coupons, self.codes.newest());
        failpoint::reach_within("mid_coupon_chunk", FAILPOINT_GRACE, settling).await
    }
}

/// The coupons of a chunk, and how far they settle their deals.
#[derive(Default)]
struct Made {
    settling: Vec<Settling>,
    coupons: Vec<CouponToIssue>,
}

fn made(signups: &[Unsettled], codes: &CodeKeys) -> Made {
    let mut far: HashMap<DealId, Settling> = HashMap::new();
    let mut made = Made::default();
    for waiting in signups {
        let settling =
            far.entry(waiting.deal).or_insert(Settling { deal: waiting.deal, from: waiting.after, to: waiting.after });
        // Whatever comes out of its order would leave somebody out.
        if settling.to != waiting.after {
            continue;
        }
        match coupons_of(waiting, codes) {
            Ok(coupons) => {
                settling.to = waiting.rev;
                made.coupons.extend(coupons);
            }
            Err(error) => tracing::error!(%error, "no coupon can be issued"),
        }
    }
    made.settling = far.into_values().collect();
    made
}

fn coupons_of(waiting: &Unsettled, codes: &CodeKeys) -> Result<Vec<CouponToIssue>, NoCodeKey> {
    let issue = |ordinal| {
        let id = CouponId::derive(waiting.signup, ordinal);
        let code = codes.code(codes.newest(), id)?;
        Ok(CouponToIssue {
            deal: waiting.deal,
            signup: waiting.signup,
            buyer: waiting.buyer,
            ordinal,
            id,
            lookup: codes.lookup(&code),
        })
    };
    (1..=waiting.units).map(issue).collect()
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

#[cfg(test)]
#[path = "settle_tests.rs"]
mod tests;
