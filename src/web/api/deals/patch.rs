//! `PATCH /deals/{id}`: changes any field of a draft, or the texts of a published deal.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::view;
use crate::App;
use crate::domain::terms::parse_texts;
use crate::domain::{Deal, DealId, FieldProblem, FieldProblemKind, Terms, TermsForm};
use crate::limits::Limit;
use crate::store::{DealChange, UpdateOutcome};
use crate::web::api::deals::DealView;
use crate::web::problem::{Code, Problem};
use crate::web::request::{Body, Id, IfMatch, Merchant, needs};

/// The changes to a deal. Absent fields stay as they are; null clears an optional field.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"title": "Pottery for absolute beginners", "cap": null}))]
pub struct DealPatch {
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 120)]
    title: PatchField<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 10_000)]
    description: PatchField<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    price: PatchField<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    face_value: PatchField<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    currency: PatchField<String>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1)]
    tipping_point: PatchField<i64>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1)]
    cap: PatchField<i64>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1)]
    per_buyer_max: PatchField<i64>,
    #[serde(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    opens_at: PatchField<DateTime<Utc>>,
    #[serde(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    closes_at: PatchField<DateTime<Utc>>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    time_zone: PatchField<String>,
    #[serde(default)]
    #[schema(value_type = Option<DateTime<Utc>>)]
    coupon_expires_at: PatchField<DateTime<Utc>>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 60)]
    city: PatchField<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 60)]
    category: PatchField<String>,
}

/// A field of a patch: absent, null or a value.
#[derive(Default)]
enum PatchField<T> {
    #[default]
    Absent,
    Present(Option<T>),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for PatchField<T> {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        Option::deserialize(value).map(Self::Present)
    }
}

impl<T> PatchField<T> {
    const fn is_present(&self) -> bool {
        matches!(self, Self::Present(_))
    }

    /// The field's value after the patch.
    fn or(self, current: Option<T>) -> Option<T> {
        match self {
            Self::Absent => current,
            Self::Present(value) => value,
        }
    }
}

impl DealPatch {
    /// The unparsed terms with the patch applied.
    fn apply_to(self, terms: &Terms) -> TermsForm {
        let was = TermsForm::from(terms);
        // A cleared text becomes empty; parsing the terms decides whether that is allowed.
        let text = |field: PatchField<String>, was| field.or(Some(was)).unwrap_or_default();
        TermsForm {
            merchant: None,
            title: text(self.title, was.title),
            description: text(self.description, was.description),
            price: text(self.price, was.price),
            face_value: text(self.face_value, was.face_value),
            currency: text(self.currency, was.currency),
            tipping_point: self.tipping_point.or(was.tipping_point),
            cap: self.cap.or(was.cap),
            per_buyer_max: self.per_buyer_max.or(was.per_buyer_max),
            opens_at: self.opens_at.or(was.opens_at),
            closes_at: self.closes_at.or(was.closes_at),
            time_zone: text(self.time_zone, was.time_zone),
            coupon_expires_at: self.coupon_expires_at.or(was.coupon_expires_at),
            city: self.city.or(was.city),
            category: self.category.or(was.category),
        }
    }

    /// A problem for each field in the patch that a published deal cannot change.
    fn frozen_fields(&self) -> Vec<FieldProblem> {
        let fields = [
            ("price", self.price.is_present()),
            ("face_value", self.face_value.is_present()),
            ("currency", self.currency.is_present()),
            ("tipping_point", self.tipping_point.is_present()),
            ("cap", self.cap.is_present()),
            ("per_buyer_max", self.per_buyer_max.is_present()),
            ("opens_at", self.opens_at.is_present()),
            ("closes_at", self.closes_at.is_present()),
            ("time_zone", self.time_zone.is_present()),
            ("coupon_expires_at", self.coupon_expires_at.is_present()),
            ("city", self.city.is_present()),
            ("category", self.category.is_present()),
        ];
        let present = fields.into_iter().filter(|(_, present)| *present);
        present.map(|(field, _)| FieldProblem::new(field, FieldProblemKind::AlreadyPublished)).collect()
    }
}

/// `PATCH /deals/{id}`
#[utoipa::path(
    patch, path = "/deals/{id}", tag = "deals", operation_id = "change_deal",
    summary = "Change a deal",
    description = "Every field of a draft can change. Once the deal is published, only title and description can. Send the deal's \
                   `ETag` in `If-Match`: if somebody else changed the deal since, the answer is `deal_changed`. Joins do not count \
                   as changes.",
    params(
        ("id" = uuid::Uuid, Path, description = "The deal's id."),
        ("If-Match" = String, Header, description = "The deal's `ETag`."),
    ),
    request_body = DealPatch,
    responses((
        status = 200, description = "The changed deal.", body = DealView,
        headers(("ETag" = String, description = "The deal's new version.")),
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
    let deal = merchant.deal(&app, id.0).await?;
    if !if_match.0.include(deal.version) {
        return Err(Problem::new(Code::DealChanged));
    }
    let change = change(patch, &deal, app.clock.now())?;
    match app.store.update_deal(deal.merchant, deal.id, deal.version, &change).await? {
        UpdateOutcome::Updated(deal) => Ok(view::ok(&deal)),
        UpdateOutcome::NoSuchDeal => Err(Problem::new(Code::NoSuchDeal)),
        UpdateOutcome::Changed => Err(Problem::new(Code::DealChanged)),
        UpdateOutcome::Published => Err(Problem::new(Code::AlreadyPublished)),
    }
}

fn change(patch: DealPatch, deal: &Deal, now: DateTime<Utc>) -> Result<DealChange, Problem> {
    if deal.lifecycle.terms_may_change() {
        return Ok(DealChange::Terms(Box::new(Terms::parse(&patch.apply_to(&deal.terms), now)?)));
    }
    let frozen = patch.frozen_fields();
    if !frozen.is_empty() {
        return Err(Problem::new(Code::AlreadyPublished).errors(frozen));
    }
    let form = patch.apply_to(&deal.terms);
    let (title, description) = parse_texts(&form.title, &form.description)?;
    Ok(DealChange::Texts { title, description })
}
