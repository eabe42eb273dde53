//! Issuing the coupons of tipped deals.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{StreamExt, stream};

use super::{CodeKeys, Engine, NoCodeKey};
use crate::domain::{CouponId, DealId};
use crate::failpoint;
use crate::store::{CouponToIssue, Settler, Settling, StoreError, Unsettled};

/// The grace of the failpoint: long enough to send a chunk, and hardly ever long enough to commit it.
const FAILPOINT_GRACE: Duration = Duration::from_millis(1);
/// The number of chunks fetched by one read.
const CHUNKS_READ: u32 = 8;
/// The number of chunks whose codes are derived while another chunk is settled.
const CHUNKS_MADE: usize = 2;

impl Engine {
    /// Issues every coupon that is due, about `chunk` coupons in each call, and returns their number. The call is safe
    /// to kill at any point, and every node may run it.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn settle(&self, chunk: u32) -> Result<u64, StoreError> {
        let issued = self.settle_all(chunk).await;
        self.many_to_settle.store(false, Ordering::Relaxed);
        issued
    }

    /// Whether this node is issuing more coupons than one call takes. Work that can wait lets it finish first.
    #[must_use]
    pub fn has_many_to_settle(&self) -> bool {
        self.many_to_settle.load(Ordering::Relaxed)
    }

    async fn settle_all(&self, chunk: u32) -> Result<u64, StoreError> {
        let mut issued = 0;
        let mut settler = self.store.settler().await?;
        loop {
            // Each read scans all tipped deals, however little it finds, so it fetches several chunks.
            let most = chunk.saturating_mul(CHUNKS_READ);
            let waiting = settler.unsettled(most).await?;
            let chunks: Vec<_> = chunks(&waiting, chunk).map(<[_]>::to_vec).collect();
            self.many_to_settle.store(chunks.len() > 1, Ordering::Relaxed);
            // In order, because each chunk begins where the one before it ended.
            let mut made = stream::iter(chunks).map(|these| self.make(these)).buffered(CHUNKS_MADE);
            let mut settled_now = 0;
            while let Some(chunk) = made.next().await {
                settled_now += self.settle_chunk(&mut settler, chunk).await?;
            }
            issued += settled_now;
            metrics::counter!("muster_coupons_issued_total").increment(settled_now);
            // Nothing settled: another node is settling these deals and will finish them.
            if waiting.len() < most as usize || settled_now == 0 {
                break;
            }
        }
        drop(settler);
        self.store.mark_settled_deals().await?;
        Ok(issued)
    }

    /// Derives the coupons of a chunk on a thread that may block.
    async fn make(&self, signups: Vec<Unsettled>) -> Made {
        let codes = self.codes.clone();
        tokio::task::spawn_blocking(move || made(&signups, &codes)).await.unwrap_or_default()
    }

    async fn settle_chunk(&self, settler: &mut Settler, made: Made) -> Result<u64, StoreError> {
        if made.coupons.is_empty() {
            return Ok(0);
        }
        let settling = settler.issue_coupons(&made.settling, &made.coupons, self.codes.newest());
        failpoint::reach_within("mid_coupon_chunk", FAILPOINT_GRACE, settling).await
    }
}

/// The coupons of a chunk, and the steps by which they settle their deals.
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
        // A gap would leave a signup without coupons.
        if settling.to != waiting.after {
            continue;
        }
        match coupons_of(waiting, codes) {
            Ok(coupons) => {
                settling.to = waiting.rev;
                made.coupons.extend(coupons);
            }
            Err(error) => tracing::error!(%error, "cannot issue a coupon"),
        }
    }
    made.settling = far.into_values().collect();
    made
}

fn coupons_of(waiting: &Unsettled, codes: &CodeKeys) -> Result<Vec<CouponToIssue>, NoCodeKey> {
    let issue = |ordinal| {
        let id = CouponId::derive(waiting.signup, ordinal);
        let (_, lookup) = codes.issue(id)?;
        Ok(CouponToIssue { deal: waiting.deal, signup: waiting.signup, buyer: waiting.buyer, ordinal, id, lookup })
    };
    (1..=waiting.units).map(issue).collect()
}

/// Splits signups into chunks of at most `most` units, or of one signup.
fn chunks(signups: &[Unsettled], most: u32) -> impl Iterator<Item = &[Unsettled]> {
    let mut rest = signups;
    std::iter::from_fn(move || {
        let (these, others) = rest.split_at(fitting(rest, most));
        rest = others;
        (!these.is_empty()).then_some(these)
    })
}

/// The number of leading signups with at most `most` units in total, but at least one.
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
