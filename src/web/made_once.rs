//! What is made of one read of a deal for everybody whom that read answers.
//!
//! While many look at a deal, one read answers them together ([`crate::ledger::Ledger::shared_deal`]); what they are sent need
//! not be made anew for each of them either. Nobody is sent what was made of an older read: a deal is known by its address in
//! memory, which nothing else has while it is kept here.

use std::cell::RefCell;
use std::sync::Arc;
use std::thread::LocalKey;

use bytes::Bytes;

use crate::domain::{Deal, DealId};
use crate::recent::Recent;

/// How many deals a thread keeps an answer for.
const KEPT_MAX: usize = 64;

/// Answers that a thread has made, for the last read of each deal.
pub struct MadeOnce(RefCell<Recent<DealId, (Arc<Deal>, Bytes)>>);

impl Default for MadeOnce {
    fn default() -> Self {
        Self(RefCell::new(Recent::new(KEPT_MAX)))
    }
}

/// What was made of this read of a deal, or what is made now.
///
/// # Errors
/// Those of making it.
pub fn made_once<E>(
    kept: &'static LocalKey<MadeOnce>,
    deal: &Arc<Deal>,
    make: impl FnOnce() -> Result<Bytes, E>,
) -> Result<Bytes, E> {
    let found = kept.with(|kept| {
        let kept = kept.0.borrow();
        kept.get(&deal.id).filter(|(of, _)| Arc::ptr_eq(of, deal)).map(|(_, bytes)| bytes.clone())
    });
    if let Some(bytes) = found {
        return Ok(bytes);
    }
    let bytes = make()?;
    kept.with(|kept| kept.0.borrow_mut().put(deal.id, (Arc::clone(deal), bytes.clone())));
    Ok(bytes)
}
