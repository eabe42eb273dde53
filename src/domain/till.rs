//! Tills: the places where coupons are redeemed.

use super::problem::{FieldProblem, FieldProblemKind};

/// The name of a till: 1 to 80 characters. A later attempt to redeem the same coupon is answered with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Till(String);

impl Till {
    /// The maximum number of characters in a name.
    pub const MAX: usize = 80;

    /// Parses a name.
    ///
    /// # Errors
    /// A problem with `/till`: no characters, more than [`Till::MAX`], or a control character.
    pub fn parse(name: &str) -> Result<Self, FieldProblem> {
        let name = name.trim();
        if (1..=Self::MAX).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
            return Ok(Self(name.to_owned()));
        }
        Err(FieldProblem::new("till", FieldProblemKind::BadTill { max: Self::MAX }))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_till_has_a_name_of_one_line() {
        assert_eq!(Till::parse(" Main Street ").unwrap().as_str(), "Main Street");
        assert!(Till::parse(&"ü".repeat(Till::MAX)).is_ok());
        for refused in ["", "  ", "a\nb", &"ü".repeat(Till::MAX + 1)] {
            assert_eq!(Till::parse(refused).unwrap_err().pointer, "/till", "{refused:?}");
        }
    }
}
