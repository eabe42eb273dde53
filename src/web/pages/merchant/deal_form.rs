//! The deal editor's form: every field as text, and times without a zone.
//!
//! Owns the conversion between these texts and [`TermsForm`]. A rejected form keeps the submitted texts unchanged, so
//! that the editor can show them again with their problems.

use chrono::{DateTime, LocalResult, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use serde::Deserialize;

use crate::domain::terms::parse_texts;
use crate::domain::{FieldProblem, FieldProblemKind, Terms, TermsForm};
use crate::web::page::Form;

/// The format of `<input type=datetime-local>`.
const LOCAL_TIME: &str = "%Y-%m-%dT%H:%M";
/// The same format with seconds, which some browsers add.
const LOCAL_TIME_WITH_SECONDS: &str = "%Y-%m-%dT%H:%M:%S";

/// The submitted fields.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct DealForm {
    /// The id of the merchant, if the editor offered a choice.
    pub merchant: String,
    title: String,
    description: String,
    category: String,
    city: String,
    price: String,
    face_value: String,
    currency: String,
    tipping_point: String,
    cap: String,
    per_buyer_max: String,
    time_zone: String,
    opens_at: String,
    closes_at: String,
    coupon_expires_at: String,
    /// The version of the deal that the editor showed; empty for a new deal.
    pub version: String,
    /// The button that was pressed: `save` or `preview`.
    then: String,
}

impl DealForm {
    /// The form of a new deal, with defaults filled in.
    #[must_use]
    pub fn blank() -> Self {
        Self { currency: "USD".into(), per_buyer_max: "1".into(), time_zone: "Etc/UTC".into(), ..Self::default() }
    }

    /// Whether the merchant asked for a preview instead of saving.
    #[must_use]
    pub fn is_preview(&self) -> bool {
        self.then == "preview"
    }

    /// The submitted texts, with all other fields from the terms. Only the texts of a published deal can change.
    #[must_use]
    pub fn texts_over(&self, terms: &Terms) -> Self {
        let Self { title, description, version, then, .. } = self.clone();
        Self { title, description, version, then, ..Self::from(terms) }
    }

    /// Parses every field: times and counts in this module, amounts and all other fields in [`Terms::parse`].
    ///
    /// # Errors
    /// Every problem of every field.
    pub fn parse(&self, now: DateTime<Utc>) -> Result<Terms, Vec<FieldProblem>> {
        let mut problems = Vec::new();
        let form = self.read(&mut problems);
        match Terms::parse(&form, now) {
            Ok(terms) if problems.is_empty() => Ok(terms),
            Ok(_) => Err(problems),
            Err(others) => {
                problems.extend(others);
                Err(problems)
            }
        }
    }

    /// Parses title and description only, for a published deal.
    ///
    /// # Errors
    /// Every problem of the two fields.
    pub fn parse_texts(&self) -> Result<(String, String), Vec<FieldProblem>> {
        parse_texts(&self.title, &normalise_newlines(&self.description))
    }

    fn read(&self, problems: &mut Vec<FieldProblem>) -> TermsForm {
        // With an unknown zone, UTC still allows checking the times against each other; the zone's own problem is
        // reported too.
        let zone = self.time_zone.trim().parse().unwrap_or(Tz::UTC);
        let mut time = |field, text| local_time(field, text, zone).unwrap_or_else(|problem| note(problems, problem));
        let (opens_at, closes_at) = (time("opens_at", &self.opens_at), time("closes_at", &self.closes_at));
        let coupon_expires_at = time("coupon_expires_at", &self.coupon_expires_at);
        let mut count = |field, text| whole_number(field, text).unwrap_or_else(|problem| note(problems, problem));
        TermsForm {
            merchant: None,
            tipping_point: count("tipping_point", &self.tipping_point),
            cap: count("cap", &self.cap),
            per_buyer_max: count("per_buyer_max", &self.per_buyer_max),
            title: self.title.clone(),
            description: normalise_newlines(&self.description),
            price: self.price.clone(),
            face_value: self.face_value.clone(),
            currency: self.currency.clone(),
            opens_at,
            closes_at,
            time_zone: self.time_zone.clone(),
            coupon_expires_at,
            city: Some(self.city.clone()),
            category: Some(self.category.clone()),
        }
    }

    /// The editor's fields, with the submitted values.
    #[must_use]
    pub fn form(&self) -> Form {
        Form::new([
            ("merchant", "Shop", &self.merchant),
            ("title", "Title", &self.title),
            ("description", "Description", &self.description),
            ("category", "Category (optional)", &self.category),
            ("city", "City (optional)", &self.city),
            ("price", "Price", &self.price),
            ("face_value", "Face value", &self.face_value),
            ("currency", "Currency", &self.currency),
            ("tipping_point", "Tipping point", &self.tipping_point),
            ("cap", "Cap (optional)", &self.cap),
            ("per_buyer_max", "Per buyer", &self.per_buyer_max),
            ("time_zone", "Time zone", &self.time_zone),
            ("opens_at", "Opens", &self.opens_at),
            ("closes_at", "Closes", &self.closes_at),
            ("coupon_expires_at", "Coupons good until", &self.coupon_expires_at),
        ])
    }
}

impl From<&Terms> for DealForm {
    fn from(terms: &Terms) -> Self {
        let local = |at: DateTime<Utc>| at.with_timezone(&terms.time_zone).format(LOCAL_TIME).to_string();
        Self {
            merchant: String::new(),
            title: terms.title.clone(),
            description: terms.description.clone(),
            category: terms.category.clone().unwrap_or_default(),
            city: terms.city.clone().unwrap_or_default(),
            price: terms.price.amount().to_string(),
            face_value: terms.face_value.amount().to_string(),
            currency: terms.price.currency().code().to_owned(),
            tipping_point: terms.tipping_point.to_string(),
            cap: terms.cap.map(|cap| cap.to_string()).unwrap_or_default(),
            per_buyer_max: terms.per_buyer_max.to_string(),
            time_zone: terms.time_zone.name().to_owned(),
            opens_at: local(terms.opens_at),
            closes_at: local(terms.closes_at),
            coupon_expires_at: local(terms.coupon_expires_at),
            version: String::new(),
            then: String::new(),
        }
    }
}

/// Forms send each line break as CRLF.
fn normalise_newlines(text: &str) -> String {
    text.replace("\r\n", "\n")
}

fn note<T>(problems: &mut Vec<FieldProblem>, problem: FieldProblem) -> Option<T> {
    problems.push(problem);
    None
}

/// The moment at which clocks in this zone show this time. The first of the two moments, if the clocks go back over it.
fn local_time(field: &str, text: &str, zone: Tz) -> Result<Option<DateTime<Utc>>, FieldProblem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let local = NaiveDateTime::parse_from_str(text, LOCAL_TIME)
        .or_else(|_| NaiveDateTime::parse_from_str(text, LOCAL_TIME_WITH_SECONDS))
        .map_err(|_| FieldProblem::new(field, FieldProblemKind::NotALocalTime))?;
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => Ok(Some(at.to_utc())),
        LocalResult::None => Err(FieldProblem::new(field, FieldProblemKind::NoSuchTime)),
    }
}

fn whole_number(field: &str, text: &str) -> Result<Option<i64>, FieldProblem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| FieldProblem::new(field, FieldProblemKind::NotAWholeNumber))
}

#[cfg(test)]
#[path = "deal_form_tests.rs"]
mod tests;
