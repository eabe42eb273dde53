//! What is made of one read of a deal for everybody whom that read answers.
//!
//! While many look at a deal, one read answers them together ([`crate::ledger::Ledger::shared_deal`]); what they are sent need
//! not be made anew for each of them either. Nobody is sent what was made of a read that said something else: a deal is known by
//! its address in memory, which nothing else has while it is kept here, and which it keeps only as long as it is the same.

use std::cell::RefCell;
use std::sync::Arc;
use std::thread::LocalKey;

use bytes::Bytes;

use crate::domain::{Deal, DealId};
use crate::recent::Recent;

/// How many deals a thread keeps an answer for.
const KEPT_MAX: usize = 64;

/// Answers that a thread has made, for the last read of each deal, and for what else they depend on.
pub struct MadeOnce<As = ()>(RefCell<Recent<DealId, Made<As>>>);

struct Made<As> {
    of: Arc<Deal>,
    as_it_is: As,
    bytes: Bytes,
}

impl<As> Default for MadeOnce<As> {
    fn default() -> Self {
        Self(RefCell::new(Recent::new(KEPT_MAX)))
    }
}

/// What was made of this read of a deal, or what is made now.
///
/// # Errors
/// Those of making it.
pub fn made_once<As: PartialEq, E>(
    kept: &'static LocalKey<MadeOnce<As>>,
    deal: &Arc<Deal>,
    as_it_is: As,
    make: impl FnOnce() -> Result<Bytes, E>,
) -> Result<Bytes, E> {
    let found = kept.with(|kept| {
        let kept = kept.0.borrow();
        let same = kept.get(&deal.id).filter(|entry| Arc::ptr_eq(&entry.of, deal) && entry.as_it_is == as_it_is);
        same.map(|same| same.bytes.clone())
    });
    if let Some(bytes) = found {
        return Ok(bytes);
    }
    let bytes = make()?;
    let entry = Made { of: Arc::clone(deal), as_it_is, bytes: bytes.clone() };
    kept.with(|kept| kept.0.borrow_mut().put(deal.id, entry));
    Ok(bytes)
}
