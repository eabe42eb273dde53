//! The terms of a deal, checked as a whole.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::money::{Currency, Money};
use super::problem::{FieldProblem, FieldProblemKind, Problems};

/// Unchecked terms, from a form or the API. The fields accept any text and any number, so that one answer can report
/// every problem and a form can show the input again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = NewDeal, description = "The terms of a deal.", example = json!({
    "title": "Pottery for beginners", "description": "Two hours at the **wheel**.", "price": "19.00", "face_value": "38.00",
    "currency": "USD", "tipping_point": 10, "cap": 100, "per_buyer_max": 4, "opens_at": "2026-11-22T08:00:00Z",
    "closes_at": "2026-12-01T12:00:00Z", "time_zone": "America/Chicago", "coupon_expires_at": "2027-03-01T12:00:00Z",
    "city": "Chicago", "category": "Workshops",
}))]
pub struct TermsForm {
    /// The merchant that offers the deal. Required if you are on the staff of several merchants.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub merchant: Option<String>,
    /// Title, 1 to 120 characters.
    #[schema(required, min_length = 1, max_length = 120)]
    pub title: String,
    /// Description in Markdown, at most 10,000 characters.
    #[schema(max_length = 10_000)]
    pub description: String,
    /// The deal price of one unit: `19.00`.
    #[schema(required)]
    pub price: String,
    /// The normal price of one unit; above the price.
    #[schema(required)]
    pub face_value: String,
    /// ISO 4217: `USD`.
    #[schema(required)]
    pub currency: String,
    /// The number of distinct buyers at which the deal tips, at least 1.
    #[schema(required, value_type = i64, minimum = 1, maximum = 10_000_000)]
    pub tipping_point: Option<i64>,
    /// The maximum number of units that the deal sells; unlimited if left out.
    #[schema(minimum = 1, maximum = 10_000_000)]
    pub cap: Option<i64>,
    /// The maximum number of units that one buyer may hold.
    #[schema(required, value_type = i64, minimum = 1, maximum = 10_000_000)]
    pub per_buyer_max: Option<i64>,
    /// The beginning of the window (RFC 3339).
    #[schema(required, value_type = DateTime<Utc>)]
    pub opens_at: Option<DateTime<Utc>>,
    /// The end of the window.
    #[schema(required, value_type = DateTime<Utc>)]
    pub closes_at: Option<DateTime<Utc>>,
    /// The IANA time zone in which people read the times: `Asia/Jakarta`.
    #[schema(required)]
    pub time_zone: String,
    /// The moment at which coupons expire; after `closes_at`.
    #[schema(required, value_type = DateTime<Utc>)]
    pub coupon_expires_at: Option<DateTime<Utc>>,
    /// The place of the deal, for filters.
    #[schema(max_length = 60)]
    pub city: Option<String>,
    /// The kind of deal, for filters.
    #[schema(max_length = 60)]
    pub category: Option<String>,
}

/// Terms that satisfy every rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// 1 to 120 characters.
    pub title: String,
    /// Markdown, at most 10,000 characters.
    pub description: String,
    /// The deal price of one unit.
    pub price: Money,
    /// The normal price of one unit; above the price, in the same currency.
    pub face_value: Money,
    /// The number of distinct buyers at which the deal tips. At most the cap, because each buyer takes at least one
    /// unit.
    pub tipping_point: u32,
    /// The maximum number of units that the deal sells; `None` without a limit.
    pub cap: Option<u32>,
    /// The maximum number of units that one buyer may hold; at most the cap.
    pub per_buyer_max: u32,
    /// The beginning of the window.
    pub opens_at: DateTime<Utc>,
    /// The end of the window; after its beginning.
    pub closes_at: DateTime<Utc>,
    /// The time zone in which people read the times.
    pub time_zone: Tz,
    /// The moment at which coupons expire; after the end of the window.
    pub coupon_expires_at: DateTime<Utc>,
    /// The place of the deal.
    pub city: Option<String>,
    /// The kind of deal.
    pub category: Option<String>,
}

/// The upper bound of tipping point, cap and per-buyer limit. It keeps all figures within 32 bits.
pub const COUNT_MAX: u32 = 10_000_000;

impl Terms {
    /// Checks a form as a whole.
    ///
    /// # Errors
    /// Every problem of the form, roughly in the order of its fields.
    pub fn parse(form: &TermsForm, now: DateTime<Utc>) -> Result<Self, Vec<FieldProblem>> {
        let mut problems = Problems::default();
        let title = problems.take(text("title", &form.title, 1, 120));
        let description = problems.take(text("description", &form.description, 0, 10_000));
        let (price, face_value) = prices(form, &mut problems);
        let tipping_point = problems.take(count("tipping_point", form.tipping_point));
        let cap = form.cap.map(|cap| problems.take(count("cap", Some(cap))));
        let per_buyer_max = problems.take(count("per_buyer_max", form.per_buyer_max));
        if let (Some(point), Some(Some(cap))) = (tipping_point, cap)
            && point > cap
        {
            problems.add("cap", FieldProblemKind::BelowTippingPoint { tipping_point: point });
        }
        if let (Some(most), Some(Some(cap))) = (per_buyer_max, cap)
            && most > cap
        {
            problems.add("per_buyer_max", FieldProblemKind::AboveCap { cap });
        }
        let opens_at = problems.take(required("opens_at", form.opens_at));
        let closes_at = problems.take(required("closes_at", form.closes_at));
        let coupon_expires_at = problems.take(required("coupon_expires_at", form.coupon_expires_at));
        windows(opens_at, closes_at, coupon_expires_at, now, &mut problems);
        let time_zone = form.time_zone.trim().parse::<Tz>();
        let time_zone =
            problems.take(time_zone.map_err(|_| FieldProblem::new("time_zone", FieldProblemKind::UnknownTimeZone)));
        let city = problems.take(label("city", form.city.as_deref()));
        let category = problems.take(label("category", form.category.as_deref()));
        let problems = problems.into_vec();
        let complete = || {
            Some(Self {
                title: title?,
                description: description?,
                price: price?,
                face_value: face_value?,
                tipping_point: tipping_point?,
                cap: match cap {
                    Some(cap) => Some(cap?),
                    None => None,
                },
                per_buyer_max: per_buyer_max?,
                opens_at: opens_at?,
                closes_at: closes_at?,
                time_zone: time_zone?,
                coupon_expires_at: coupon_expires_at?,
                city: city?,
                category: category?,
            })
        };
        match complete() {
            Some(terms) if problems.is_empty() => Ok(terms),
            _ => Err(problems),
        }
    }

    /// The face value minus the price.
    #[must_use]
    pub fn saving(&self) -> rust_decimal::Decimal {
        self.face_value.amount() - self.price.amount()
    }

    /// The saving as a whole percentage of the face value, rounded down so that it never promises too much.
    #[must_use]
    pub fn saving_percent(&self) -> u32 {
        let percent = self.saving() * rust_decimal::Decimal::ONE_HUNDRED / self.face_value.amount();
        u32::try_from(percent.trunc()).unwrap_or(0)
    }
}

/// The terms as input values, to fill the form that edits them.
impl From<&Terms> for TermsForm {
    fn from(terms: &Terms) -> Self {
        Self {
            merchant: None,
            title: terms.title.clone(),
            description: terms.description.clone(),
            price: terms.price.amount().to_string(),
            face_value: terms.face_value.amount().to_string(),
            currency: terms.price.currency().code().to_owned(),
            tipping_point: Some(terms.tipping_point.into()),
            cap: terms.cap.map(i64::from),
            per_buyer_max: Some(terms.per_buyer_max.into()),
            opens_at: Some(terms.opens_at),
            closes_at: Some(terms.closes_at),
            time_zone: terms.time_zone.name().to_owned(),
            coupon_expires_at: Some(terms.coupon_expires_at),
            city: terms.city.clone(),
            category: terms.category.clone(),
        }
    }
}

/// Checks title and description, the two texts that can change after publication.
///
/// # Errors
/// Every problem of the two texts.
pub fn parse_texts(title: &str, description: &str) -> Result<(String, String), Vec<FieldProblem>> {
    let mut problems = Problems::default();
    let title = problems.take(text("title", title, 1, 120));
    let description = problems.take(text("description", description, 0, 10_000));
    title.zip(description).ok_or_else(|| problems.into_vec())
}

fn prices(form: &TermsForm, problems: &mut Problems) -> (Option<Money>, Option<Money>) {
    let Some(currency) = Currency::parse(form.currency.trim()) else {
        problems.add("currency", FieldProblemKind::UnknownCurrency);
        return (None, None);
    };
    let price = problems.take(Money::parse("price", &form.price, currency));
    let face_value = problems.take(Money::parse("face_value", &form.face_value, currency));
    if let (Some(price), Some(face_value)) = (price, face_value)
        && price.amount() >= face_value.amount()
    {
        problems.add("price", FieldProblemKind::NotBelowFaceValue);
    }
    (price, face_value)
}

fn windows(
    opens_at: Option<DateTime<Utc>>,
    closes_at: Option<DateTime<Utc>>,
    coupon_expires_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
    problems: &mut Problems,
) {
    if let (Some(opens_at), Some(closes_at)) = (opens_at, closes_at)
        && opens_at >= closes_at
    {
        problems.add("closes_at", FieldProblemKind::NotAfterOpening);
    }
    if let Some(closes_at) = closes_at {
        if closes_at <= now {
            problems.add("closes_at", FieldProblemKind::ClosesInThePast);
        }
        if closes_at > now + TimeDelta::days(366) {
            problems.add("closes_at", FieldProblemKind::ClosesTooFar);
        }
    }
    if let (Some(closes_at), Some(expires_at)) = (closes_at, coupon_expires_at)
        && expires_at <= closes_at
    {
        problems.add("coupon_expires_at", FieldProblemKind::NotAfterClosing);
    }
}

fn text(field: &str, text: &str, least: usize, most: usize) -> Result<String, FieldProblem> {
    let text = text.trim();
    let length = text.chars().count();
    if length < least {
        return Err(FieldProblem::new(field, FieldProblemKind::Required));
    }
    if length > most {
        return Err(FieldProblem::new(field, FieldProblemKind::LongerThan { max: most, length }));
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(FieldProblem::new(field, FieldProblemKind::BadCharacter));
    }
    Ok(text.to_owned())
}

fn label(field: &str, value: Option<&str>) -> Result<Option<String>, FieldProblem> {
    match value.map(str::trim) {
        None | Some("") => Ok(None),
        Some(value) => text(field, value, 1, 60).map(Some),
    }
}

fn count(field: &str, value: Option<i64>) -> Result<u32, FieldProblem> {
    let Some(value) = value else {
        return Err(FieldProblem::new(field, FieldProblemKind::Required));
    };
    match u32::try_from(value) {
        Ok(n @ 1..=COUNT_MAX) => Ok(n),
        _ => Err(FieldProblem::new(field, FieldProblemKind::CountOutOfRange { min: 1, max: COUNT_MAX })),
    }
}

fn required<T>(field: &str, value: Option<T>) -> Result<T, FieldProblem> {
    value.ok_or_else(|| FieldProblem::new(field, FieldProblemKind::Required))
}

#[cfg(test)]
#[path = "terms_tests.rs"]
mod tests;
