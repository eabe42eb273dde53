//! The API's representation of a deal.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, ETAG};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Deal, DealId, DealState, Figures, MerchantId};
use crate::web::problem::{Code, Problem};
use crate::web::request::etag;

/// A deal.
#[derive(Serialize, ToSchema)]
#[schema(as = Deal, example = json!({
    "id": "0197f3b0-5c1e-7c3a-9d2b-1f0a6e4c8b5d", "merchant": "0197f3b0-1111-7c3a-9d2b-1f0a6e4c8b5d",
    "merchant_name": "Mo's Pottery", "title": "Pottery for beginners", "description": "Two hours at the **wheel**.",
    "price": "19.00", "face_value": "38.00", "currency": "USD", "tipping_point": 10, "cap": 100, "per_buyer_max": 4,
    "opens_at": "2026-11-22T08:00:00Z", "closes_at": "2026-12-01T12:00:00Z", "time_zone": "America/Chicago",
    "coupon_expires_at": "2027-03-01T12:00:00Z", "city": "Chicago", "category": "Workshops", "state": "open",
    "created_at": "2026-11-20T08:00:00Z", "published_at": "2026-11-21T08:00:00Z", "tipped_at": null, "ended_at": null,
    "withdrawn_reason": null,
    "progress": {
        "epoch": 1, "rev": 42, "state": "open", "buyers": 7, "needed": 3, "tipping_point": 10, "units": 9, "left": 91,
        "cap": 100, "closes_at": "2026-12-01T12:00:00Z",
    },
}))]
pub struct DealView {
    #[schema(value_type = uuid::Uuid)]
    id: DealId,
    /// The merchant that offers the deal.
    #[schema(value_type = uuid::Uuid)]
    merchant: MerchantId,
    merchant_name: String,
    title: String,
    /// The description, in Markdown.
    description: String,
    /// The deal price of one unit, as a decimal string.
    price: String,
    /// The normal price of one unit, as a decimal string.
    face_value: String,
    /// The ISO 4217 code of the currency.
    currency: &'static str,
    /// The number of distinct buyers that makes the deal happen.
    tipping_point: u32,
    /// Maximum units that the deal sells; null if unlimited.
    cap: Option<u32>,
    /// Maximum units that one buyer can hold.
    per_buyer_max: u32,
    opens_at: DateTime<Utc>,
    closes_at: DateTime<Utc>,
    /// The IANA time zone in which pages show the deal's times.
    time_zone: &'static str,
    coupon_expires_at: DateTime<Utc>,
    city: Option<String>,
    category: Option<String>,
    state: DealState,
    /// The figures, as in a live frame. The highest `(epoch, rev)` is the latest.
    progress: Figures,
    created_at: DateTime<Utc>,
    published_at: Option<DateTime<Utc>>,
    tipped_at: Option<DateTime<Utc>>,
    ended_at: Option<DateTime<Utc>>,
    withdrawn_reason: Option<String>,
}

impl From<&Deal> for DealView {
    fn from(deal: &Deal) -> Self {
        let terms = &deal.terms;
        Self {
            id: deal.id,
            merchant: deal.merchant,
            merchant_name: deal.merchant_name.clone(),
            title: terms.title.clone(),
            description: terms.description.clone(),
            price: terms.price.amount().to_string(),
            face_value: terms.face_value.amount().to_string(),
            currency: terms.price.currency().code(),
            tipping_point: terms.tipping_point,
            cap: terms.cap,
            per_buyer_max: terms.per_buyer_max,
            opens_at: terms.opens_at,
            closes_at: terms.closes_at,
            time_zone: terms.time_zone.name(),
            coupon_expires_at: terms.coupon_expires_at,
            city: terms.city.clone(),
            category: terms.category.clone(),
            state: deal.progress.state,
            progress: Figures::from(&deal.progress),
            created_at: deal.created_at,
            published_at: deal.lifecycle.published_at(),
            tipped_at: deal.lifecycle.tipped_at(),
            ended_at: deal.lifecycle.ended_at(),
            withdrawn_reason: deal.lifecycle.withdrawn_reason().map(str::to_owned),
        }
    }
}

/// Lets the client cache the response, and makes it revalidate before each use.
pub(super) const REVALIDATE: (actix_web::http::header::HeaderName, &str) = (CACHE_CONTROL, "private, no-cache");

/// A 200 response with the deal and its `ETag`.
pub(super) fn ok(deal: &Deal) -> HttpResponse {
    HttpResponse::Ok().insert_header((ETAG, etag::of(deal))).insert_header(REVALIDATE).json(DealView::from(deal))
}

/// The deal as JSON.
pub(super) fn json(deal: &Deal) -> Result<Bytes, Problem> {
    serde_json::to_vec(&DealView::from(deal)).map(Bytes::from).map_err(|_| Problem::new(Code::Internal))
}
