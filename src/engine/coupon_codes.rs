//! Coupon codes: derived, never stored.
//!
//! A code is a keyed hash of the coupon's id; the coupon is found by a keyed hash of the code under another key. A
//! stolen database holds no key, so it holds no usable code. A stolen key without the database names no coupon.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::domain::{CouponCode, CouponForm, CouponId};

type Key = [u8; 32];
/// The keyed hash by which Postgres finds a coupon.
pub type Lookup = [u8; 32];

/// The coupon keys, from which codes are derived, and the lookup keys, by which coupons are found.
///
/// Each coupon key also has a lookup key derived from it. While no lookup key is configured, the key derived from the
/// lowest coupon key is used. All coupons of form 1 were issued with that key. Codes are looked up with every derived
/// key. So a coupon can be found as long as the key behind its lookup hash is configured.
#[derive(Clone)]
pub struct CodeKeys {
    /// Each with its id; newest first.
    coupon: Vec<(i16, Key)>,
    /// Newest first.
    lookup: Vec<Key>,
    /// Derived from the coupon keys; lowest id first.
    derived: Vec<Key>,
}

/// No coupon key with this id is configured. It was removed although coupons depend on it, or no key was ever
/// configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no coupon key {0}: coupons made with it cannot be shown")]
pub struct NoCodeKey(pub i16);

impl CodeKeys {
    /// Coupon keys with their ids, and lookup keys; both newest first.
    #[must_use]
    pub fn new(coupon: Vec<(i16, Key)>, lookup: Vec<Key>) -> Self {
        let mut by_id = coupon.clone();
        by_id.sort_unstable_by_key(|(id, _)| *id);
        let derived = by_id.iter().map(|(_, key)| keyed(key, &[b"coupon look-up"])).collect();
        Self { coupon, lookup, derived }
    }

    /// Whether no lookup key is configured, so that lookups use derived keys.
    #[must_use]
    pub fn derives_lookups(&self) -> bool {
        self.lookup.is_empty()
    }

    /// The id of the key from which new codes are derived; 0 without a key.
    #[must_use]
    pub fn newest(&self) -> i16 {
        self.coupon.first().map_or(0, |(id, _)| *id)
    }

    /// The code of a coupon that was issued in this form with this coupon key.
    ///
    /// # Errors
    /// The key is not configured.
    pub fn code(&self, key: i16, form: CouponForm, coupon: CouponId) -> Result<CouponCode, NoCodeKey> {
        let (_, secret) = self.coupon.iter().find(|(id, _)| *id == key).ok_or(NoCodeKey(key))?;
        let hash = keyed(secret, &[b"coupon code", coupon.as_uuid().as_bytes()]);
        let mut bits = [0; 10];
        for (to, from) in bits.iter_mut().zip(hash) {
            *to = from;
        }
        Ok(CouponCode::from_bits(bits, form))
    }

    /// The code of a new coupon, and its lookup hash.
    ///
    /// # Errors
    /// No coupon key is configured.
    pub fn issue(&self, coupon: CouponId) -> Result<(CouponCode, Lookup), NoCodeKey> {
        let code = self.code(self.newest(), CouponForm::CURRENT, coupon)?;
        let key = self.lookup.first().or(self.derived.first()).ok_or(NoCodeKey(self.newest()))?;
        let lookup = hashed(key, CouponForm::CURRENT, &code);
        Ok((code, lookup))
    }

    /// Every hash under which a coupon with this code may be stored: one for each form that the code fits and each key
    /// with which coupons of that form were issued.
    #[must_use]
    pub fn lookups(&self, code: &CouponCode) -> Vec<Lookup> {
        let keys = |form: CouponForm| {
            let own = if form == CouponForm::Modulo37 { &[] } else { self.lookup.as_slice() };
            own.iter().chain(&self.derived)
        };
        let forms = CouponForm::ALL.into_iter().filter(|form| code.fits(*form));
        forms.flat_map(|form| keys(form).map(move |key| hashed(key, form, code))).collect()
    }
}

/// The hash of form 2 leaves out the check character, because it follows from the digits.
fn hashed(key: &Key, form: CouponForm, code: &CouponCode) -> Lookup {
    match form {
        CouponForm::Modulo37 => keyed(key, &[code.compact().as_bytes()]),
        CouponForm::Field32 => keyed(key, &[code.digits().as_bytes()]),
    }
}

fn keyed(key: &Key, parts: &[&[u8]]) -> [u8; 32] {
    // RFC 2104 pads a short key with zeros. A padded key has exactly one block, so `new` needs no length check.
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
#[path = "coupon_codes_tests.rs"]
mod tests;
