//! Renders a response once per database read and shares it with every request that the read served.
//!
//! While many visitors request a deal, one read serves them all ([`crate::store::Store::shared_deal`]), and the same
//! holds for the home page. A cached rendering is reused only for the very same read: a read is identified by its
//! `Arc`'s address. The cache keeps that `Arc` alive, so no other read can have its address.

use std::cell::RefCell;
use std::hash::Hash;
use std::sync::Arc;
use std::thread::LocalKey;

use crate::recent::Recent;

/// Maximum renderings that a thread caches.
const ENTRIES_MAX: usize = 64;

/// A thread's renderings: for each key the latest read, with its rendered variant.
///
/// A variant is everything else that the rendering depends on, such as the deal's phase.
pub struct RenderCache<Key, Read, Variant, Body>(RefCell<Recent<Key, Rendering<Read, Variant, Body>>>);

struct Rendering<Read, Variant, Body> {
    read: Arc<Read>,
    variant: Variant,
    body: Body,
}

impl<Key: Eq + Hash, Read, Variant, Body> Default for RenderCache<Key, Read, Variant, Body> {
    fn default() -> Self {
        Self(RefCell::new(Recent::new(ENTRIES_MAX)))
    }
}

/// The cached rendering of this read and variant, or the result of `render`, which is then cached.
///
/// # Errors
/// Those of `render`.
pub fn render_once<Key: Eq + Hash, Read, Variant: PartialEq, Body: Clone, E>(
    cache: &'static LocalKey<RenderCache<Key, Read, Variant, Body>>,
    key: Key,
    read: &Arc<Read>,
    variant: Variant,
    render: impl FnOnce() -> Result<Body, E>,
) -> Result<Body, E> {
    let cached = cache.with(|cache| {
        let cache = cache.0.borrow();
        let same = cache.get(&key).filter(|entry| Arc::ptr_eq(&entry.read, read) && entry.variant == variant);
        same.map(|same| same.body.clone())
    });
    if let Some(body) = cached {
        return Ok(body);
    }
    let body = render()?;
    let entry = Rendering { read: Arc::clone(read), variant, body: body.clone() };
    cache.with(|cache| cache.0.borrow_mut().put(key, entry));
    Ok(body)
}
