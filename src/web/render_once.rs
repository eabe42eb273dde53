//! What is made of one read for everybody whom that read answers.
//!
//! While many look at a deal, one read answers them together ([`crate::store::Store::shared_deal`]), and so it is with the
//! front page; what they are sent need not be made anew for each of them either. Nobody is sent what was made of a read that said
//! something else: a read is known by its address in memory, which nothing else has while it is kept here, and which it keeps
//! only as long as it says the same.

use std::cell::RefCell;
use std::hash::Hash;
use std::sync::Arc;
use std::thread::LocalKey;

use crate::recent::Recent;

/// How many reads a thread keeps an answer for.
const KEPT_MAX: usize = 64;

/// Answers that a thread has made, for the last read under each key, and for what else they depend on.
pub struct MadeOnce<Key, Of, As, Body>(RefCell<Recent<Key, Made<Of, As, Body>>>);

struct Made<Of, As, Body> {
    of: Arc<Of>,
    as_it_is: As,
    body: Body,
}

impl<Key: Eq + Hash, Of, As, Body> Default for MadeOnce<Key, Of, As, Body> {
    fn default() -> Self {
        Self(RefCell::new(Recent::new(KEPT_MAX)))
    }
}

/// What was made of this read, or what is made now.
///
/// # Errors
/// Those of making it.
pub fn made_once<Key: Eq + Hash, Of, As: PartialEq, Body: Clone, E>(
    kept: &'static LocalKey<MadeOnce<Key, Of, As, Body>>,
    key: Key,
    read: &Arc<Of>,
    as_it_is: As,
    make: impl FnOnce() -> Result<Body, E>,
) -> Result<Body, E> {
    let found = kept.with(|kept| {
        let kept = kept.0.borrow();
        let same = kept.get(&key).filter(|entry| Arc::ptr_eq(&entry.of, read) && entry.as_it_is == as_it_is);
        same.map(|same| same.body.clone())
    });
    if let Some(body) = found {
        return Ok(body);
    }
    let body = make()?;
    let entry = Made { of: Arc::clone(read), as_it_is, body: body.clone() };
    kept.with(|kept| kept.0.borrow_mut().put(key, entry));
    Ok(body)
}
