//! Coupon codes: the text that a buyer shows and a till types or scans. `engine::coupon_codes` derives the codes.

mod form;
mod typed;

use std::fmt;

pub use form::CouponForm;
pub use typed::CouponCodeError;

/// Crockford's base 32: no I, L, O or U. <https://www.crockford.com/base32.html>
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// The number of digits of a code, without its check character.
const DIGITS: usize = 16;

/// 16 digits of 5 bits and a check character, shown as `XXXX-XXXX-XXXX-XXXX-C`.
///
/// The check character fits at least one [`CouponForm`]. About one code in 40 fits both, so the form does not follow
/// from the code.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CouponCode {
    digits: [u8; DIGITS],
    /// A position in [`form::CHECK_ALPHABET`].
    check: u8,
}

impl CouponCode {
    /// The code with these 80 bits and the check character of this form.
    #[must_use]
    pub fn from_bits(bits: [u8; 10], form: CouponForm) -> Self {
        let mut digits = [0; DIGITS];
        for (half, five) in bits.chunks_exact(5).zip(digits.chunks_exact_mut(8)) {
            let number = half.iter().fold(0_u64, |n, byte| (n << 8) | u64::from(*byte));
            for (place, digit) in five.iter_mut().rev().enumerate() {
                *digit = u8::try_from((number >> (5 * place)) & 31).unwrap_or_default();
            }
        }
        Self { digits, check: form.check(&digits) }
    }

    /// Whether the check character is valid in this form.
    #[must_use]
    pub fn fits(&self, form: CouponForm) -> bool {
        form.check(&self.digits) == self.check
    }

    /// The 16 digits, without hyphens and check character.
    #[must_use]
    pub fn digits(&self) -> String {
        self.digits.iter().map(|digit| sign(ALPHABET, *digit)).collect()
    }

    /// All 17 characters, without hyphens.
    #[must_use]
    pub fn compact(&self) -> String {
        let mut text = self.digits();
        text.push(sign(form::CHECK_ALPHABET, self.check));
        text
    }
}

fn sign(alphabet: &[u8], digit: u8) -> char {
    alphabet.get(usize::from(digit)).copied().map_or('?', char::from)
}

impl fmt::Display for CouponCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, character) in self.compact().chars().enumerate() {
            if place > 0 && place.is_multiple_of(4) {
                f.write_str("-")?;
            }
            write!(f, "{character}")?;
        }
        Ok(())
    }
}

/// Hides the code, because a reader of a log could redeem it.
impl fmt::Debug for CouponCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CouponCode(…)")
    }
}

#[cfg(test)]
mod tests;
