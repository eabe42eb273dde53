//! A share between 0 and 1 in fixed-point arithmetic.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

const WHOLE: u32 = 1_000_000;

/// A share from 0 to 1, in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share(u32);

/// The text is not a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a share is a number from 0 to 1, such as 0.05")]
pub struct ShareError;

impl Share {
    /// Computes this share of a sequence of numbers so that rounding errors do not accumulate.
    pub(super) fn taker(self) -> Taker {
        Taker { share: self, rest: 0 }
    }
}

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        let share: Decimal = text.trim().parse().map_err(|_| ShareError)?;
        let millionths = share.checked_mul(WHOLE.into()).and_then(|millionths| millionths.to_u32());
        millionths.filter(|n| *n <= WHOLE && !share.is_sign_negative()).map(Self).ok_or(ShareError)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Decimal::new(self.0.into(), 6).normalize().fmt(f)
    }
}

/// Carries the remainder of each division over to the next number.
pub(super) struct Taker {
    share: Share,
    rest: u64,
}

impl Taker {
    pub(super) fn of(&mut self, number: u32) -> u32 {
        self.rest += u64::from(number) * u64::from(self.share.0);
        let whole = self.rest / u64::from(WHOLE);
        self.rest %= u64::from(WHOLE);
        u32::try_from(whole).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_parsed_and_displayed() {
        for (text, shown) in [("0.05", "0.05"), ("0", "0"), ("1", "1"), (" 0.5 ", "0.5"), ("0.000001", "0.000001")] {
            assert_eq!(text.parse::<Share>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn a_text_that_is_not_a_share_is_refused() {
        for text in ["", "x", "-0.1", "1.1", "5%", "nan", "99999999999999999999999999"] {
            assert_eq!(text.parse::<Share>(), Err(ShareError), "{text}");
        }
    }

    #[test]
    fn shares_of_small_numbers_add_up_to_the_share_of_their_sum() {
        let mut taker = "0.05".parse::<Share>().unwrap().taker();
        assert_eq!((0..1000).map(|_| taker.of(3)).sum::<u32>(), 150);
    }
}
