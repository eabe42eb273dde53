//! Amounts of money, in whole minor units of their currency.

use std::fmt;

use rust_decimal::Decimal;

use super::problem::{FieldProblem, FieldProblemKind};

/// An ISO 4217 currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// Parses a three-letter code in upper or lower case.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        iso_currency::Currency::from_code(&code.to_ascii_uppercase()).map(Self)
    }

    /// The three-letter code.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// The number of decimals of an amount: 2 for USD, 0 for JPY, 3 for KWD (the "minor unit" of ISO 4217).
    #[must_use]
    pub fn decimals(self) -> u32 {
        u32::from(self.0.exponent().unwrap_or(0))
    }

    /// The prefix of an amount, as in Unicode's CLDR for English: an unambiguous symbol (`$` for USD, `A$` for AUD), or
    /// else the code and a space.
    #[must_use]
    pub fn symbol(self) -> String {
        match self.code() {
            "AUD" => "A$".to_owned(),
            "BRL" => "R$".to_owned(),
            "CAD" => "CA$".to_owned(),
            "CNY" => "CN¥".to_owned(),
            "HKD" => "HK$".to_owned(),
            "MXN" => "MX$".to_owned(),
            "NZD" => "NZ$".to_owned(),
            "TWD" => "NT$".to_owned(),
            "EUR" | "GBP" | "IDR" | "ILS" | "INR" | "JPY" | "KRW" | "KZT" | "NGN" | "PHP" | "PLN" | "THB" | "TRY"
            | "UAH" | "USD" | "VND" => self.0.symbol().to_string(),
            code => format!("{code} "),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount above zero with exactly the decimals of its currency.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    amount: Decimal,
    currency: Currency,
}

impl Money {
    /// The largest amount. Multiplied by any number of units, it still fits a `Decimal`.
    pub const MAX: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

    /// Checks an amount, and rescales it to the currency's decimals: 19.5 USD becomes 19.50 USD.
    ///
    /// # Errors
    /// A problem with this field: not above zero, too large, or more decimals than the currency has.
    pub fn new(field: &str, amount: Decimal, currency: Currency) -> Result<Self, FieldProblem> {
        if amount <= Decimal::ZERO {
            return Err(FieldProblem::new(field, FieldProblemKind::AmountNotPositive));
        }
        if amount > Self::MAX {
            return Err(FieldProblem::new(field, FieldProblemKind::AmountTooLarge { max: Self::MAX }));
        }
        let decimals = currency.decimals();
        if amount.normalize().scale() > decimals {
            return Err(FieldProblem::new(field, FieldProblemKind::TooManyDecimals { currency }));
        }
        let mut amount = amount;
        amount.rescale(decimals);
        Ok(Self { amount, currency })
    }

    /// Parses an amount as typed into a form or sent to the API: `19`, `19.5` or `19.00`.
    ///
    /// # Errors
    /// As [`Money::new`], or the text is not a number.
    pub fn parse(field: &str, text: &str, currency: Currency) -> Result<Self, FieldProblem> {
        let amount = Decimal::from_str_exact(text.trim())
            .map_err(|_| FieldProblem::new(field, FieldProblemKind::NotAnAmount { currency }))?;
        Self::new(field, amount, currency)
    }

    /// The amount, with the currency's decimals.
    #[must_use]
    pub const fn amount(self) -> Decimal {
        self.amount
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// The price of this many units.
    #[must_use]
    pub fn times(self, units: u32) -> Self {
        Self { amount: self.amount * Decimal::from(units), currency: self.currency }
    }

    /// The amount as shown to people, with symbol and digit groups: `$1,234.50`.
    #[must_use]
    pub fn display(self) -> String {
        let plain = self.amount.to_string();
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let mut grouped = String::new();
        for (place, digit) in whole.chars().enumerate() {
            if place > 0 && (whole.len() - place).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{}{grouped}{point}{fraction}", self.currency.symbol())
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency)
    }
}

#[cfg(test)]
#[path = "money_tests.rs"]
mod tests;
