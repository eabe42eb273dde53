//! Coupon codes: derived, never stored.
//!
//! A code is a keyed hash of the coupon's id; it is found by another keyed hash of the code. A stolen database holds neither
//! key, so it holds no usable code; a stolen key without the database names no coupon.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::domain::{CouponCode, CouponId};

/// The keys that codes are made with, newest first, and the one that they are looked up with.
#[derive(Clone)]
pub struct CodeKeys {
    keys: Vec<(i16, [u8; 32])>,
    lookup: [u8; 32],
}

/// There is no key of this id: it was removed while coupons made with it exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no coupon key {0}: coupons made with it cannot be shown")]
pub struct NoCodeKey(pub i16);

impl CodeKeys {
    /// Keys by their ids, newest first. The key with the lowest id also makes the look-up hashes, so it must stay for ever.
    #[must_use]
    pub fn new(keys: Vec<(i16, [u8; 32])>) -> Self {
        let oldest = keys.iter().min_by_key(|(id, _)| *id).map_or([0; 32], |(_, key)| *key);
        Self { keys, lookup: keyed(&oldest, &[b"coupon look-up"]) }
    }

    /// The key that new codes are made with.
    #[must_use]
    pub fn newest(&self) -> i16 {
        self.keys.first().map_or(0, |(id, _)| *id)
    }

    /// The code of a coupon.
    ///
    /// # Errors
    /// There is no key of this id.
    pub fn code(&self, key: i16, coupon: CouponId) -> Result<CouponCode, NoCodeKey> {
        let (_, secret) = self.keys.iter().find(|(id, _)| *id == key).ok_or(NoCodeKey(key))?;
        let hash = keyed(secret, &[b"coupon code", coupon.as_uuid().as_bytes()]);
        let mut bits = [0; 10];
        for (to, from) in bits.iter_mut().zip(hash) {
            *to = from;
        }
        Ok(CouponCode::from_bits(bits))
    }

    /// What a code is found by.
    #[must_use]
    pub fn lookup(&self, code: &CouponCode) -> [u8; 32] {
        keyed(&self.lookup, &[code.compact().as_bytes()])
    }
}

fn keyed(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // A key shorter than a block is filled up with zeros (RFC 2104); done here, no length can be wrong.
    let mut block = [0; 64];
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let mut mac = Hmac::<Sha256>::new(&block.into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
#[path = "codes_tests.rs"]
mod tests;
