//! Issues the coupons of tipped deals.

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
/// The maximum number of chunks whose codes are derived concurrently, ahead of settling.
const CHUNKS_AHEAD: usize = 2;

impl Engine {
    /// Issues every coupon that is due, about `chunk` coupons per transaction, and returns their number. The process
    /// may be killed at any point, and several nodes may call this concurrently.
    ///
    /// # Errors
    /// Postgres is unavailable.
    pub async fn settle(&self, chunk: u32) -> Result<u64, StoreError> {
        let issued = self.settle_all(chunk).await;
        self.many_to_settle.store(false, Ordering::Relaxed);
        issued
    }

    /// Whether this node is issuing more than one chunk of coupons. Less urgent work waits for it to finish.
    #[must_use]
    pub fn has_many_to_settle(&self) -> bool {
        self.many_to_settle.load(Ordering::Relaxed)
    }

    async fn settle_all(&self, chunk: u32) -> Result<u64, StoreError> {
        let mut issued = 0;
        let mut settler = self.store.settler().await?;
        loop {
            // Each read scans all tipped deals, so it fetches several chunks.
            let limit = chunk.saturating_mul(CHUNKS_READ);
            let waiting = settler.unsettled(limit).await?;
            let chunks: Vec<_> = chunks(&waiting, chunk).map(<[_]>::to_vec).collect();
            self.many_to_settle.store(chunks.len() > 1, Ordering::Relaxed);
            // In order, because each chunk begins where the previous one ended.
            let mut prepared = stream::iter(chunks).map(|signups| self.prepare_chunk(signups)).buffered(CHUNKS_AHEAD);
            let mut settled_now = 0;
            while let Some(chunk) = prepared.next().await {
                settled_now += self.settle_chunk(&mut settler, chunk).await?;
            }
            issued += settled_now;
            metrics::counter!("muster_coupons_issued_total").increment(settled_now);
            // If nothing was settled, another node is settling these deals and will finish them.
            if waiting.len() < limit as usize || settled_now == 0 {
                break;
            }
        }
        drop(settler);
        self.store.mark_settled_deals().await?;
        Ok(issued)
    }

    /// Runs [`prepare`] on a thread that may block.
    async fn prepare_chunk(&self, signups: Vec<Unsettled>) -> PreparedChunk {
        let codes = self.codes.clone();
        tokio::task::spawn_blocking(move || prepare(&signups, &codes)).await.unwrap_or_default()
    }

    async fn settle_chunk(&self, settler: &mut Settler, chunk: PreparedChunk) -> Result<u64, StoreError> {
        if chunk.coupons.is_empty() {
            return Ok(0);
        }
        let settling = settler.issue_coupons(&chunk.settling, &chunk.coupons, self.codes.newest());
        failpoint::reach_within("mid_coupon_chunk", FAILPOINT_GRACE, settling).await
    }
}

/// The coupons of a chunk, and the steps by which they settle their deals.
#[derive(Default)]
struct PreparedChunk {
    settling: Vec<Settling>,
    coupons: Vec<CouponToIssue>,
}

/// Derives the coupons of a chunk. Each deal is settled up to the first gap or missing key.
fn prepare(signups: &[Unsettled], codes: &CodeKeys) -> PreparedChunk {
    let mut by_deal: HashMap<DealId, Settling> = HashMap::new();
    let mut chunk = PreparedChunk::default();
    for waiting in signups {
        let step = Settling { deal: waiting.deal, from: waiting.after, to: waiting.after };
        let settling = by_deal.entry(waiting.deal).or_insert(step);
        // Settling past a gap would leave a signup without coupons.
        if settling.to != waiting.after {
            continue;
        }
        match coupons_of(waiting, codes) {
            Ok(coupons) => {
                settling.to = waiting.rev;
                chunk.coupons.extend(coupons);
            }
            Err(error) => tracing::error!(%error, "cannot issue a coupon"),
        }
    }
    chunk.settling = by_deal.into_values().collect();
    chunk
}

fn coupons_of(waiting: &Unsettled, codes: &CodeKeys) -> Result<Vec<CouponToIssue>, NoCodeKey> {
    let issue = |ordinal| {
        let id = CouponId::derive(waiting.signup, ordinal);
        let (_, lookup) = codes.issue(id)?;
        Ok(CouponToIssue { deal: waiting.deal, signup: waiting.signup, buyer: waiting.buyer, ordinal, id, lookup })
    };
    (1..=waiting.units).map(issue).collect()
}

/// Splits signups into chunks of at most `units_max` units. A larger signup is a chunk by itself.
fn chunks(signups: &[Unsettled], units_max: u32) -> impl Iterator<Item = &[Unsettled]> {
    let mut rest = signups;
    std::iter::from_fn(move || {
        let (chunk, after) = rest.split_at(fitting(rest, units_max));
        rest = after;
        (!chunk.is_empty()).then_some(chunk)
    })
}

/// The number of leading signups with at most `units_max` units in total, and at least one.
fn fitting(signups: &[Unsettled], units_max: u32) -> usize {
    let mut units = 0_u32;
    let fits = signups.iter().take_while(|waiting| {
        units = units.saturating_add(waiting.units);
        units <= units_max
    });
    fits.count().max(1).min(signups.len())
}

#[cfg(test)]
#[path = "settle_tests.rs"]
mod tests;
