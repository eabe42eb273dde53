//! `GET /deals/{id}`: shows a deal.

use std::sync::Arc;

use actix_web::http::header::{ContentType, ETAG};
use actix_web::{HttpResponse, web};
use bytes::Bytes;

use super::{DealView, view};
use crate::App;
use crate::domain::{Deal, DealId};
use crate::people::Scope;
use crate::web::problem::{Code, Problem};
use crate::web::render_once::{RenderCache, render_once};
use crate::web::request::etag;
use crate::web::request::{Id, IfNoneMatch, MaybeSignedIn};

/// `GET /deals/{id}`
#[utoipa::path(
    get, path = "/deals/{id}", tag = "deals", operation_id = "show_deal",
    summary = "Get a deal",
    description = "Includes the deal's current figures. Only its merchant's staff can see a draft, or a deal that was withdrawn before it \
                   was published.",
    params(
        ("id" = uuid::Uuid, Path, description = "The deal's id."),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` that you have cached."),
    ),
    responses(
        (status = 200, description = "The deal.", body = DealView, headers(("ETag" = String, description = "The deal's version."))),
        (status = 304, description = "Your cached copy is current."),
    ),
    security((), ("token" = ["read"]), ("session" = [])),
    extensions(("x-problems" = json!(["no_such_deal"]))),
)]
pub async fn show(
    app: web::Data<App>,
    viewer: MaybeSignedIn,
    id: Id<DealId>,
    known: IfNoneMatch,
) -> Result<HttpResponse, Problem> {
    let deal = deal_seen_by(&app, &viewer, id.0).await?;
    let etag = etag::of(&deal);
    if known.has(&etag) {
        return Ok(HttpResponse::NotModified().insert_header((ETAG, etag)).insert_header(view::REVALIDATE).finish());
    }
    let json = render_once(&JSON, deal.id, &deal, (), || view::json(&deal))?;
    let mut response = HttpResponse::Ok();
    response.insert_header((ETAG, etag)).insert_header(view::REVALIDATE).content_type(ContentType::json());
    Ok(response.body(json))
}

thread_local! {
    static JSON: RenderCache<DealId, Deal, (), Bytes> = RenderCache::default();
}

/// The deal, if this viewer may see it. No other function of the API reads a single deal for a viewer.
async fn deal_seen_by(app: &App, viewer: &MaybeSignedIn, id: DealId) -> Result<Arc<Deal>, Problem> {
    let viewer = viewer.with_any(&[Scope::Read, Scope::Deals]);
    let deal = app.store.shared_deal(id).await?;
    let own = |deal: &Deal| viewer.is_some_and(|identity| identity.staff_of.contains(deal.merchant));
    deal.filter(|deal| deal.lifecycle.is_public() || own(deal)).ok_or_else(|| Problem::new(Code::NoSuchDeal))
}
