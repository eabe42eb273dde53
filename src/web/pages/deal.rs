//! `GET /deals/{deal}`: the page of a deal.

use std::rc::Rc;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::view::deal::DealPage;
use super::view::join::{JoinAttempt, JoinSection, Visitor};
use super::view::phase::Phase;
use crate::domain::{Deal, DealId, Signup};
use crate::web::content_coding::CompressedBody;
use crate::web::page::Notice;
use crate::web::page::PageError;
use crate::web::page::context::{Context, fresh_key};
use crate::web::page::render;
use crate::web::render_once::{RenderCache, render_once};

/// `GET /deals/{deal}`
pub async fn deal(context: Context, request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, PageError> {
    let deal = shared_deal(&context, path.parse().map_err(|_| context.not_found())?).await?;
    if context.visitor().is_some() {
        return render::page(StatusCode::OK, &deal_page(&context, &deal, None, None).await?);
    }
    // All anonymous visitors see the same page, so it is rendered once per database read and phase.
    let phase = Phase::of(&deal.progress, deal.terms.opens_at, context.now());
    let html = render_once(&ANONYMOUS, deal.id, &deal, phase, || {
        let page = page_with(&context, &deal, &[], None, None);
        Ok::<_, PageError>(Rc::new(CompressedBody::new(page.render()?)))
    })?;
    Ok(render::shared_page(&request, &html))
}

thread_local! {
    static ANONYMOUS: RenderCache<DealId, Deal, Phase, Rc<CompressedBody>> = RenderCache::default();
}

/// The deal with this id. Only its merchant's staff can see a draft.
///
/// # Errors
/// The visitor may not see the deal, it does not exist, or Postgres is unavailable.
pub async fn visible_deal(context: &Context, id: DealId) -> Result<Deal, PageError> {
    shared_deal(context, id).await.map(Arc::unwrap_or_clone)
}

async fn shared_deal(context: &Context, id: DealId) -> Result<Arc<Deal>, PageError> {
    let deal = context.app.store.shared_deal(id).await?.ok_or_else(|| context.not_found())?;
    let own = context.visitor().is_some_and(|visitor| visitor.staff_of.contains(deal.merchant));
    if !deal.lifecycle.is_public() && !own {
        return Err(context.not_found());
    }
    Ok(deal)
}

/// The view model of a deal's page. After a failed attempt to join, it has the submitted values and the notice.
///
/// # Errors
/// Postgres is unavailable.
pub async fn deal_page(
    context: &Context,
    deal: &Deal,
    attempt: Option<JoinAttempt>,
    refusal: Option<Notice>,
) -> Result<DealPage, PageError> {
    let own = own_signups(context, deal).await?;
    Ok(page_with(context, deal, &own, attempt, refusal))
}

fn page_with(
    context: &Context,
    deal: &Deal,
    own: &[Signup],
    attempt: Option<JoinAttempt>,
    refusal: Option<Notice>,
) -> DealPage {
    let now = context.now();
    let phase = Phase::of(&deal.progress, deal.terms.opens_at, now);
    let visitor = match context.visitor() {
        None => Visitor::Anonymous,
        Some(visitor) if visitor.staff_of.contains(deal.merchant) => Visitor::Staff,
        Some(_) => Visitor::Buyer,
    };
    let section = JoinSection::new(deal, phase, visitor, own, attempt, fresh_key());
    let section = match refusal {
        Some(notice) => section.with_refusal(notice),
        None => section,
    };
    DealPage::new(context.layout(), deal, section, context.origin(), now)
}

async fn own_signups(context: &Context, deal: &Deal) -> Result<Vec<Signup>, PageError> {
    match context.visitor() {
        Some(visitor) => Ok(context.app.store.signups_in_deal(visitor.account, deal.id).await?),
        None => Ok(Vec::new()),
    }
}
