//! Problems with single fields of an input: codes with arguments, never sentences.

use rust_decimal::Decimal;

use super::coupon_code::CouponCodeError;
use super::money::Currency;

/// A problem with one field. A form or an API answer reports every problem of the input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {kind:?}")]
pub struct FieldProblem {
    /// The field as a JSON pointer (RFC 6901), such as `/price`.
    pub pointer: String,
    pub kind: FieldProblemKind,
}

impl FieldProblem {
    /// A problem with this top-level field.
    #[must_use]
    pub fn new(field: &str, kind: FieldProblemKind) -> Self {
        Self { pointer: format!("/{field}"), kind }
    }

    /// A stable word for programs: `too_long`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.kind.code()
    }
}

/// The kind of problem, with the numbers and names that a sentence about it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldProblemKind {
    Required,
    ReasonRequired,
    NameRequired,
    /// The account is on the staff of several merchants, and the deal names none.
    MerchantRequired,
    /// The account is not on the staff of this merchant.
    NotYourMerchant,
    LabelRequired,
    ScopeRequired,
    /// The live feed names no deal.
    DealRequired,
    /// The text has a control character.
    BadCharacter,
    TooShort {
        min: usize,
    },
    TooLong {
        max: usize,
    },
    /// Like [`Self::TooLong`], with the actual length, for long texts.
    LongerThan {
        max: usize,
        length: usize,
    },
    /// A till's name is empty, too long, or has a control character.
    BadTill {
        max: usize,
    },
    UnitsOutOfRange {
        max: u32,
    },
    CountOutOfRange {
        min: u32,
        max: u32,
    },
    ParameterOutOfRange {
        min: u32,
        max: u32,
    },
    AmountNotPositive,
    AmountTooLarge {
        max: Decimal,
    },
    TooManyDecimals {
        currency: Currency,
    },
    NotAnAmount {
        currency: Currency,
    },
    NotAWholeNumber,
    UnknownCurrency,
    NotBelowFaceValue,
    BelowTippingPoint {
        tipping_point: u32,
    },
    AboveCap {
        cap: u32,
    },
    NotAfterOpening,
    NotAfterClosing,
    ClosesInThePast,
    ClosesTooFar,
    ExpiresInThePast,
    ExpiresTooFar,
    /// The text is not an RFC 3339 time.
    NotATime,
    /// The text is not a local date and time as browsers send them.
    NotALocalTime,
    /// The local time does not exist, because the clocks skip it.
    NoSuchTime,
    UnknownTimeZone,
    NotAnEmail,
    EmailTaken,
    PasswordTooCommon,
    UnknownRole,
    UnknownScope,
    CouponCode(CouponCodeError),
    /// The code typed at a till is not a valid coupon code.
    MistypedCouponCode,
    NotABoolean,
    UnknownDealState,
    /// The audit's parameter is not a deal's id.
    NotADealId,
    /// The live feed's parameter is not a deal's id.
    NotALiveDealId,
    TooManyDeals {
        max: usize,
    },
    /// The terms of a published deal are fixed.
    AlreadyPublished,
    UnknownParameter,
    GivenTwice,
    UnknownField {
        /// The names of the fields that exist.
        known: String,
    },
    DuplicateField {
        name: String,
    },
    WrongType {
        expected: JsonType,
    },
}

/// The type of a JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonType {
    Object,
    List,
    Text,
    WholeNumber,
    /// Another type, with serde's name for it.
    Other(String),
}

impl FieldProblemKind {
    /// A stable word for programs: `too_long`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Required
            | Self::ReasonRequired
            | Self::NameRequired
            | Self::MerchantRequired
            | Self::LabelRequired
            | Self::ScopeRequired
            | Self::DealRequired => "required",
            Self::NotYourMerchant => "not_yours",
            Self::BadCharacter => "bad_character",
            Self::TooShort { .. } => "too_short",
            Self::TooLong { .. } | Self::LongerThan { .. } => "too_long",
            Self::BadTill { .. }
            | Self::UnitsOutOfRange { .. }
            | Self::CountOutOfRange { .. }
            | Self::ParameterOutOfRange { .. }
            | Self::AmountNotPositive
            | Self::AmountTooLarge { .. } => "out_of_range",
            Self::TooManyDecimals { .. } => "too_many_decimals",
            Self::NotAnAmount { .. } | Self::NotAWholeNumber => "not_a_number",
            Self::UnknownCurrency => "unknown_currency",
            Self::NotBelowFaceValue => "not_below_face_value",
            Self::BelowTippingPoint { .. } => "below_tipping_point",
            Self::AboveCap { .. } => "above_cap",
            Self::NotAfterOpening => "not_after_opening",
            Self::NotAfterClosing => "not_after_closing",
            Self::ClosesInThePast | Self::ExpiresInThePast => "in_the_past",
            Self::ClosesTooFar | Self::ExpiresTooFar => "too_far",
            Self::NotATime | Self::NotALocalTime => "not_a_time",
            Self::NoSuchTime => "no_such_time",
            Self::UnknownTimeZone => "unknown_time_zone",
            Self::NotAnEmail => "not_an_email",
            Self::EmailTaken => "email_taken",
            Self::PasswordTooCommon => "too_common",
            Self::UnknownRole => "unknown_role",
            Self::UnknownScope => "unknown_scope",
            Self::CouponCode(_) | Self::MistypedCouponCode => "not_a_code",
            Self::NotABoolean | Self::UnknownDealState => "not_a_choice",
            Self::NotADealId | Self::NotALiveDealId => "bad_id",
            Self::TooManyDeals { .. } => "too_many",
            Self::AlreadyPublished => "already_published",
            Self::UnknownParameter => "unknown_parameter",
            Self::GivenTwice => "given_twice",
            Self::UnknownField { .. } => "unknown_field",
            Self::DuplicateField { .. } => "duplicate_field",
            Self::WrongType { .. } => "wrong_type",
        }
    }
}

/// Collects the problems of a form, so that one answer reports all of them.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<FieldProblem>);

impl Problems {
    pub(crate) fn add(&mut self, field: &str, kind: FieldProblemKind) {
        self.0.push(FieldProblem::new(field, kind));
    }

    /// The value of a successful check. Adds the problem of a failed one.
    pub(crate) fn take<T>(&mut self, checked: Result<T, FieldProblem>) -> Option<T> {
        checked.map_err(|problem| self.0.push(problem)).ok()
    }

    /// The problems found; empty if the form is valid.
    pub(crate) fn into_vec(self) -> Vec<FieldProblem> {
        self.0
    }
}
