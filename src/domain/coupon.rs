//! Coupons: their codes as people type them, and their states as people see them.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids::{CouponId, DealId, SignupId};
use super::progress::DealState;

/// Crockford's base 32: no I, L, O, U. <https://www.crockford.com/base32.html>
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Digits of a code before its check character.
const DIGITS: usize = 16;
/// The check character is a sum modulo a prime above 32, so it needs five more signs than a digit; these are Crockford's.
const CHECK_ALPHABET: &[u8; 37] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ*~$=U";

/// The code of a coupon: 80 bits and a check character, shown as `XXXX-XXXX-XXXX-XXXX-C`.
///
/// The check is Crockford's, the number modulo 37. It catches every single wrong character, and every swap of two different
/// neighbours among the digits: the weights are powers of 32, and neither a digit difference (below 37) times a power of 32,
/// nor one times 31 times a power of 32, is a multiple of the prime 37.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CouponCode([u8; DIGITS]);

/// Why a text is not a coupon code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CouponCodeError {
    /// It has more or fewer than 17 characters, hyphens and spaces apart.
    #[error("a code has 17 characters")]
    WrongLength,
    /// It has a character that no code has.
    #[error("a code has letters and digits only")]
    WrongCharacter,
    /// The check character does not fit: something was mistyped.
    #[error("the last character does not fit the others")]
    Mistyped,
}

impl CouponCode {
    /// The code of these 80 bits.
    #[must_use]
    pub fn from_bits(bits: [u8; 10]) -> Self {
        let mut digits = [0; DIGITS];
        for (half, five) in bits.chunks_exact(5).zip(digits.chunks_exact_mut(8)) {
            let number = half.iter().fold(0_u64, |n, byte| (n << 8) | u64::from(*byte));
            for (place, digit) in five.iter_mut().rev().enumerate() {
                *digit = u8::try_from((number >> (5 * place)) & 31).unwrap_or_default();
            }
        }
        Self(digits)
    }

    /// Reads a code as people type it: lower case, `I L O`, spaces and missing hyphens are fine.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, CouponCodeError> {
        let typed: Vec<u8> =
            text.bytes().filter(|b| !matches!(b, b'-' | b' ' | b'\t' | b'\r' | b'\n')).map(canonical).collect();
        let Some((check, typed)) = typed.split_last().filter(|(_, rest)| rest.len() == DIGITS) else {
            return Err(CouponCodeError::WrongLength);
        };
        let mut digits = [0; DIGITS];
        for (digit, character) in digits.iter_mut().zip(typed) {
            *digit = position(ALPHABET, *character).ok_or(CouponCodeError::WrongCharacter)?;
        }
        let check = position(CHECK_ALPHABET, *check).ok_or(CouponCodeError::WrongCharacter)?;
        let code = Self(digits);
        if code.check() == check { Ok(code) } else { Err(CouponCodeError::Mistyped) }
    }

    /// The 17 characters without hyphens: what is hashed and what a QR code holds.
    #[must_use]
    pub fn compact(&self) -> String {
        let digits = self.0.iter().map(|digit| sign(ALPHABET, *digit));
        digits.chain([sign(CHECK_ALPHABET, self.check())]).collect()
    }

    fn check(&self) -> u8 {
        self.0.iter().fold(0_u16, |sum, digit| (sum * 32 + u16::from(*digit)) % 37).try_into().unwrap_or_default()
    }
}

/// Upper case, and the letters that people take for digits.
fn canonical(typed: u8) -> u8 {
    match typed.to_ascii_uppercase() {
        b'I' | b'L' => b'1',
        b'O' => b'0',
        other => other,
    }
}

fn position(alphabet: &[u8], character: u8) -> Option<u8> {
    alphabet.iter().position(|c| *c == character).and_then(|p| u8::try_from(p).ok())
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

/// A code is money: it never gets into a log by accident.
impl fmt::Debug for CouponCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CouponCode(…)")
    }
}

/// What a coupon is good for now. `issued` and `redeemed` are stored; `void` and `expired` follow from deal and clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CouponState {
    /// It can be redeemed.
    Issued,
    /// It was redeemed.
    Redeemed,
    /// Its deal was withdrawn.
    Void,
    /// It was not redeemed in time.
    Expired,
}

impl CouponState {
    /// The state that follows from what is stored, the deal and the clock.
    #[must_use]
    pub fn derive(redeemed: bool, deal: DealState, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        match (redeemed, deal) {
            (true, _) => Self::Redeemed,
            (false, DealState::Withdrawn) => Self::Void,
            (false, _) if expires_at <= now => Self::Expired,
            (false, _) => Self::Issued,
        }
    }

    /// The word for it in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issued => "issued",
            Self::Redeemed => "redeemed",
            Self::Void => "void",
            Self::Expired => "expired",
        }
    }
}

/// What a signup of a tipped deal holds, one per unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coupon {
    /// Derived from signup and ordinal.
    pub id: CouponId,
    /// Which deal.
    pub deal: DealId,
    /// Which signup.
    pub signup: SignupId,
    /// 1 to the signup's units.
    pub ordinal: u32,
    /// What the buyer shows.
    pub code: CouponCode,
    /// What it is good for now.
    pub state: CouponState,
    /// Until when it can be redeemed.
    pub expires_at: DateTime<Utc>,
    /// When it was redeemed.
    pub redeemed_at: Option<DateTime<Utc>>,
    /// Where: the name that the merchant gave to the till.
    pub redeemed_where: Option<String>,
}

#[cfg(test)]
#[path = "coupon_tests.rs"]
mod tests;
