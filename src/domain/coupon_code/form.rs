//! The two forms of coupon codes, which differ in their check character.

use super::DIGITS;

/// The check characters of form 1. Form 2 uses the first 32.
pub(super) const CHECK_ALPHABET: &[u8; 37] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U";

/// How the check character of a coupon code is computed. The form is stored with each coupon, because a coupon never
/// changes its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CouponForm {
    /// Crockford's check: the number modulo 37, so the check character may be `*`, `~`, `$`, `=` or `U`. Existing
    /// coupons of this form are accepted; new ones are not issued.
    ///
    /// It detects every single wrong character and every swap of neighbouring digits. For a difference d of two digits,
    /// neither d nor 31·d, times a power of 32, is a multiple of the prime 37.
    Modulo37,
    /// The digits as coefficients over GF(32); the check character is a letter or digit.
    ///
    /// The sum of all 17 characters, each times its own power of α, is zero. A single wrong character changes one term.
    /// A swap of two unequal characters adds their difference times the difference of their weights. Neither is zero in
    /// a field, so both errors are detected, also in the check character.
    Field32,
}

impl CouponForm {
    /// Every form, newest first.
    pub const ALL: [Self; 2] = [Self::Field32, Self::Modulo37];
    /// The form of newly issued coupons.
    pub const CURRENT: Self = Self::Field32;

    /// The number of this form in SQL.
    #[must_use]
    pub const fn number(self) -> i16 {
        match self {
            Self::Modulo37 => 1,
            Self::Field32 => 2,
        }
    }

    /// The form with this number, if there is one.
    #[must_use]
    pub fn from_number(number: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.number() == number)
    }

    /// The check character of these digits, as a position in [`CHECK_ALPHABET`].
    pub(super) fn check(self, digits: &[u8; DIGITS]) -> u8 {
        match self {
            Self::Modulo37 => {
                let rest = digits.iter().fold(0_u16, |sum, digit| (sum * 32 + u16::from(*digit)) % 37);
                u8::try_from(rest).unwrap_or_default()
            }
            // Horner's rule. In GF(32), addition and subtraction are both XOR, so this character makes the whole sum
            // zero.
            Self::Field32 => times_alpha(digits.iter().fold(0, |sum, digit| times_alpha(sum) ^ digit)),
        }
    }
}

/// Multiplies by α, a root of the primitive polynomial x⁵ + x² + 1.
const fn times_alpha(element: u8) -> u8 {
    let shifted = element << 1;
    if shifted & 0b10_0000 == 0 { shifted } else { shifted ^ 0b10_0101 }
}
