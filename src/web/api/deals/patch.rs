//! `PATCH /deals/{id}`: a draft wholly; once published, its texts only.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::view;
use crate::App;
use crate::domain::terms::parse_texts;
use crate::domain::{Deal, DealId, DealState, FieldProblem, Terms, TermsForm};
use crate::limits::Limit;
use crate::store::{DealChange, UpdateOutcome};
use crate::web::api::deals::DealView;
use crate::web::error::Code;
use crate::web::extract::{Body, Id, IfMatch, Merchant, needs};
use crate::web::problem::Problem;

/// What is to be changed: fields that are not sent stay as they are, null takes a value away where there need be none.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"title": "Pottery for absolute beginners", "cap": null}))]
pub struct DealPatch {
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 120)]
    title: Sent<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 10_000)]
    description: Sent<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    price: Sent<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    face_value: Sent<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    currency: Sent<String>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1)]
    tipping_point: Sent<i64>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1)]
    cap: Sent<i64>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1)]
    per_buyer_max: Sent<i64>,
    #[serde(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    opens_at: Sent<DateTime<Utc>>,
    #[serde(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    closes_at: Sent<DateTime<Utc>>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    time_zone: Sent<String>,
    #[serde(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    coupon_expires_at: Sent<DateTime<Utc>>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 60)]
    city: Sent<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 60)]
    category: Sent<String>,
}

/// A field of a change: not sent, or sent as a value or as null.
#[derive(Default)]
enum Sent<T> {
    #[default]
    Nothing,
    Value(Option<T>),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Sent<T> {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        Option::deserialize(value).map(Self::Value)
    }
}

impl<T> Sent<T> {
    const fn is_something(&self) -> bool {
        matches!(self, Self::Value(_))
    }

    fn over(self, was: Option<T>) -> Option<T> {
        match self {
            Self::Nothing => was,
            Self::Value(value) => value,
        }
    }
}

impl DealPatch {
    /// The terms with the changes written over them, as if they had been typed.
    fn over(self, terms: &Terms) -> TermsForm {
        let was = TermsForm::from(terms);
        // A text that is taken away is empty, which the rules for the whole then judge.
        let text = |sent: Sent<String>, was| sent.over(Some(was)).unwrap_or_default();
        TermsForm {
            title: text(self.title, was.title),
            description: text(self.description, was.description),
            price: text(self.price, was.price),
            face_value: text(self.face_value, was.face_value),
            currency: text(self.currency, was.currency),
            tipping_point: self.tipping_point.over(was.tipping_point),
            cap: self.cap.over(was.cap),
            per_buyer_max: self.per_buyer_max.over(was.per_buyer_max),
            opens_at: self.opens_at.over(was.opens_at),
            closes_at: self.closes_at.over(was.closes_at),
            time_zone: text(self.time_zone, was.time_zone),
            coupon_expires_at: self.coupon_expires_at.over(was.coupon_expires_at),
            city: self.city.over(was.city),
            category: self.category.over(was.category),
        }
    }

    /// The fields that stay as they are once a deal is published.
    fn terms_sent(&self) -> Vec<FieldProblem> {
        let fields = [
            ("price", self.price.is_something()),
            ("face_value", self.face_value.is_something()),
            ("currency", self.currency.is_something()),
            ("tipping_point", self.tipping_point.is_something()),
            ("cap", self.cap.is_something()),
            ("per_buyer_max", self.per_buyer_max.is_something()),
            ("opens_at", self.opens_at.is_something()),
            ("closes_at", self.closes_at.is_something()),
            ("time_zone", self.time_zone.is_something()),
            ("coupon_expires_at", self.coupon_expires_at.is_something()),
            ("city", self.city.is_something()),
            ("category", self.category.is_something()),
        ];
        let sent = fields.into_iter().filter(|(_, sent)| *sent);
        sent.map(|(field, _)| FieldProblem::new(field, "already_published", "Leave this out.")).collect()
    }
}

/// `PATCH /deals/{id}`
#[utoipa::path(
    patch, path = "/deals/{id}", tag = "deals", operation_id = "change_deal",
    summary = "Change a deal",
    description = "A draft can be changed wholly; once it is published, its title and description only. Send the deal's `ETag` in \
                   `If-Match`: joins do not make it old, changes by others do.",
    params(
        ("id" = uuid::Uuid, Path, description = "The deal's id."),
        ("If-Match" = String, Header, description = "The deal's `ETag`."),
    ),
    request_body = DealPatch,
    responses((
        status = 200, description = "The deal as it is now.", body = DealView,
        headers(("ETag" = String, description = "Its new version.")),
    )),
    security(("token" = ["deals"]), ("session" = [])),
    extensions(
        ("x-role" = json!("merchant")),
        ("x-problems" = json!(["no_such_deal", "if_match_missing", "bad_header", "deal_changed", "already_published"])),
    ),
)]
pub async fn patch(
    app: web::Data<App>,
    merchant: Merchant<needs::Deals>,
    id: Id<DealId>,
    if_match: IfMatch,
    body: Body,
) -> Result<HttpResponse, Problem> {
    app.limits.take(Limit::WritesOf(merchant.account)).await?;
    let patch: DealPatch = body.json().await?;
    let deal = app.store.deal(id.0).await?.filter(|deal| deal.merchant == merchant.account);
    let deal = deal.ok_or_else(|| Problem::new(Code::NoSuchDeal))?;
    if !if_match.0.include(deal.version) {
        return Err(Problem::new(Code::DealChanged));
    }
    let change = change(patch, &deal, app.clock.now())?;
    match app.store.update_deal(merchant.account, deal.id, deal.version, &change).await? {
        UpdateOutcome::Updated(deal) => Ok(view::ok(&deal)),
        UpdateOutcome::NoSuchDeal => Err(Problem::new(Code::NoSuchDeal)),
        UpdateOutcome::Changed => Err(Problem::new(Code::DealChanged)),
        UpdateOutcome::Published => Err(Problem::new(Code::AlreadyPublished)),
    }
}

fn change(patch: DealPatch, deal: &Deal, now: DateTime<Utc>) -> Result<DealChange, Problem> {
    if deal.progress.state == DealState::Draft {
        return Ok(DealChange::Terms(Box::new(Terms::parse(&patch.over(&deal.terms), now)?)));
    }
    let terms = patch.terms_sent();
    if !terms.is_empty() {
        return Err(Problem::new(Code::AlreadyPublished).errors(terms));
    }
    let form = patch.over(&deal.terms);
    let (title, description) = parse_texts(&form.title, &form.description)?;
    Ok(DealChange::Texts { title, description })
}
