//! Parses codes that people type, paste or scan.

use super::form::CHECK_ALPHABET;
use super::{ALPHABET, CouponCode, CouponForm, DIGITS};

/// Why a text is not a coupon code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CouponCodeError {
    /// More or fewer than 17 characters, not counting ignored ones.
    #[error("a code has 17 letters and digits")]
    WrongLength,
    /// A character that is not valid in this position.
    #[error("a code has letters and digits only")]
    WrongCharacter,
    /// The check character fits neither form.
    #[error("the last character does not fit the others")]
    Mistyped,
}

impl CouponCode {
    /// Parses a code, or the link of a QR code, which ends with `#CODE`.
    ///
    /// Lower case counts as upper case, I and L as 1, and O as 0. Spaces, dashes and invisible characters are ignored.
    ///
    /// # Errors
    /// The first of the three reasons that applies.
    pub fn parse(text: &str) -> Result<Self, CouponCodeError> {
        let fragment = text.rsplit_once('#').map(|(_, fragment)| unescaped(fragment));
        let code = fragment.as_deref().unwrap_or(text);
        // One character beyond a code's length is enough to refuse the text.
        let typed: Vec<char> = code.chars().filter(|c| !is_ignored(*c)).take(DIGITS + 2).map(canonical).collect();
        let Some((check, typed)) = typed.split_last().filter(|(_, rest)| rest.len() == DIGITS) else {
            return Err(CouponCodeError::WrongLength);
        };
        let mut digits = [0; DIGITS];
        for (digit, character) in digits.iter_mut().zip(typed) {
            *digit = position(ALPHABET, *character).ok_or(CouponCodeError::WrongCharacter)?;
        }
        let check = position(CHECK_ALPHABET, *check).ok_or(CouponCodeError::WrongCharacter)?;
        let code = Self { digits, check };
        if CouponForm::ALL.into_iter().any(|form| code.fits(form)) { Ok(code) } else { Err(CouponCodeError::Mistyped) }
    }
}

/// Decodes percent-encoding, because some programs escape the `$`, `*`, `=` or `~` of form 1 when they copy a link.
fn unescaped(fragment: &str) -> String {
    let mut parts = fragment.split('%');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let byte = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(u8::is_ascii);
        if let Some((byte, rest)) = byte.zip(part.get(2..)) {
            text.push(char::from(byte));
            text.push_str(rest);
        } else {
            text.push('%');
            text.push_str(part);
        }
    }
    text
}

fn is_ignored(typed: char) -> bool {
    let is_dash = matches!(
        typed,
        '-' | '\u{ad}' | '\u{2010}'..='\u{2015}' | '\u{2043}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}'
    );
    // Zero-width spaces and joiners, direction marks, variation selectors, byte order mark.
    let is_invisible = matches!(
        typed,
        '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
    );
    is_dash || is_invisible || typed.is_whitespace()
}

/// The character in upper case, or the digit that it resembles.
fn canonical(typed: char) -> char {
    match typed.to_ascii_uppercase() {
        'I' | 'L' => '1',
        'O' => '0',
        other => other,
    }
}

fn position(alphabet: &[u8], character: char) -> Option<u8> {
    alphabet.iter().position(|c| char::from(*c) == character).and_then(|p| u8::try_from(p).ok())
}
