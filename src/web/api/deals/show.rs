//! `GET /deals/{id}`

use std::sync::Arc;

use actix_web::http::header::{ContentType, ETAG};
use actix_web::{HttpResponse, web};
use bytes::Bytes;

use super::{DealView, view};
use crate::App;
use crate::domain::{Deal, DealId, Scope};
use crate::web::error::Code;
use crate::web::etag;
use crate::web::extract::{Id, IfNoneMatch, MaybeSigned};
use crate::web::made_once::{MadeOnce, made_once};
use crate::web::problem::Problem;

/// `GET /deals/{id}`
#[utoipa::path(
    get, path = "/deals/{id}", tag = "deals", operation_id = "show_deal",
    summary = "A deal",
    description = "With its figures of now. Drafts, and deals that were withdrawn before they were published, are seen by their \
                   merchant only.",
    params(
        ("id" = uuid::Uuid, Path, description = "The deal's id."),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` that you have."),
    ),
    responses(
        (status = 200, description = "The deal.", body = DealView, headers(("ETag" = String, description = "Its version."))),
        (status = 304, description = "It is as you know it."),
    ),
    security((), ("token" = ["read"]), ("session" = [])),
    extensions(("x-problems" = json!(["no_such_deal"]))),
)]
pub async fn show(
    app: web::Data<App>,
    viewer: MaybeSigned,
    id: Id<DealId>,
    known: IfNoneMatch,
) -> Result<HttpResponse, Problem> {
    let deal = deal_seen_by(&app, &viewer, id.0).await?;
    let etag = etag::of(&deal);
    if known.has(&etag) {
        return Ok(HttpResponse::NotModified().insert_header((ETAG, etag)).insert_header(view::CHECK_AGAIN).finish());
    }
    let json = made_once(&JSON, deal.id, &deal, (), || view::json(&deal))?;
    let mut answer = HttpResponse::Ok();
    answer.insert_header((ETAG, etag)).insert_header(view::CHECK_AGAIN).content_type(ContentType::json());
    Ok(answer.body(json))
}

thread_local! {
    static JSON: MadeOnce<DealId, Deal, (), Bytes> = MadeOnce::default();
}

/// A deal as far as this viewer may know of it: the one place where the API reads a single deal.
async fn deal_seen_by(app: &App, viewer: &MaybeSigned, id: DealId) -> Result<Arc<Deal>, Problem> {
    let owner = viewer.with_any(&[Scope::Read, Scope::Deals]).map(|identity| identity.account);
    let deal = app.store.shared_deal(id).await?;
    deal.filter(|deal| deal.published_at.is_some() || Some(deal.merchant) == owner)
        .ok_or_else(|| Problem::new(Code::NoSuchDeal))
}
