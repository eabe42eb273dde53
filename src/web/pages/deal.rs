//! `GET /deals/{deal}`: a deal's own page.

use std::rc::Rc;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::context::{Context, fresh_key};
use super::error::PageError;
use super::render;
use super::view::Said;
use super::view::deal::DealPage;
use super::view::join::{JoinSection, Tried};
use super::view::phase::Phase;
use crate::domain::{Deal, DealId, Role, Signup};
use crate::web::content_coding::Coded;
use crate::web::made_once::{MadeOnce, made_once};

/// `GET /deals/{deal}`
pub async fn deal(context: Context, request: HttpRequest, path: web::Path<String>) -> Result<HttpResponse, PageError> {
    let deal = shared_deal(&context, path.parse().map_err(|_| context.not_found())?).await?;
    if context.visitor().is_some() {
        return render::page(StatusCode::OK, &deal_page(&context, &deal, None, None).await?);
    }
    // Nobody in particular: everybody whom this read of the deal answers is shown the same, as long as that is how things are.
    let phase = Phase::of(&deal.progress, deal.terms.opens_at, context.now());
    let html = made_once(&FOR_STRANGERS, deal.id, &deal, phase, || {
        let page = page_with(&context, &deal, &[], None, None);
        Ok::<_, PageError>(Rc::new(Coded::new(page.render()?)))
    })?;
    Ok(render::page_for_many(&request, &html))
}

thread_local! {
    static FOR_STRANGERS: MadeOnce<DealId, Deal, Phase, Rc<Coded>> = MadeOnce::default();
}

/// The deal of this id, if this visitor may see it: drafts are their merchant's.
///
/// # Errors
/// There is none, or Postgres is away.
pub async fn visible_deal(context: &Context, id: DealId) -> Result<Deal, PageError> {
    shared_deal(context, id).await.map(Arc::unwrap_or_clone)
}

async fn shared_deal(context: &Context, id: DealId) -> Result<Arc<Deal>, PageError> {
    let deal = context.app.store.shared_deal(id).await?.ok_or_else(|| context.not_found())?;
    let own = context.visitor().is_some_and(|visitor| visitor.account == deal.merchant);
    if deal.published_at.is_none() && !own {
        return Err(context.not_found());
    }
    Ok(deal)
}

/// The page of a deal, perhaps after a try to join it that did not work.
///
/// # Errors
/// Postgres is away.
pub async fn deal_page(
    context: &Context,
    deal: &Deal,
    tried: Option<Tried>,
    refusal: Option<Said>,
) -> Result<DealPage, PageError> {
    let own = own_signups(context, deal).await?;
    Ok(page_with(context, deal, &own, tried, refusal))
}

fn page_with(context: &Context, deal: &Deal, own: &[Signup], tried: Option<Tried>, refusal: Option<Said>) -> DealPage {
    let now = context.now();
    let phase = Phase::of(&deal.progress, deal.terms.opens_at, now);
    let role = context.visitor().map(|visitor| visitor.role);
    let section = JoinSection::new(deal, phase, role, own, tried, fresh_key());
    let section = match refusal {
        Some(said) => section.saying(said),
        None => section,
    };
    DealPage::new(context.shell(), deal, section, context.origin(), now)
}

async fn own_signups(context: &Context, deal: &Deal) -> Result<Vec<Signup>, PageError> {
    match context.visitor() {
        Some(visitor) if visitor.role == Role::Buyer => {
            Ok(context.app.store.signups_in_deal(visitor.account, deal.id).await?)
        }
        _ => Ok(Vec::new()),
    }
}
