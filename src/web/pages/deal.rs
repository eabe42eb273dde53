//! `GET /deals/{deal}`: a deal's own page.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::context::{Context, fresh_key};
use super::error::PageError;
use super::render;
use super::view::Said;
use super::view::deal::DealPage;
use super::view::join::{JoinSection, Tried};
use super::view::phase::Phase;
use crate::domain::{Deal, DealId, Role, Signup};

/// `GET /deals/{deal}`
pub async fn deal(context: Context, path: web::Path<String>) -> Result<HttpResponse, PageError> {
    let deal = visible_deal(&context, path.parse().map_err(|_| context.not_found())?).await?;
    let page = deal_page(&context, &deal, None, None).await?;
    render::page(StatusCode::OK, &page)
}

/// The deal of this id, if this visitor may see it: drafts are their merchant's.
///
/// # Errors
/// There is none, or Postgres is away.
pub async fn visible_deal(context: &Context, id: DealId) -> Result<Deal, PageError> {
    let deal = context.app.ledger.deal(id).await?.ok_or_else(|| context.not_found())?;
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
    let now = context.now();
    let phase = Phase::of(&deal.progress, deal.terms.opens_at, now);
    let role = context.visitor().map(|visitor| visitor.role);
    let section = JoinSection::new(deal, phase, role, &own, tried, fresh_key());
    let section = match refusal {
        Some(said) => section.saying(said),
        None => section,
    };
    Ok(DealPage::new(context.shell(), deal, section, context.origin(), now))
}

async fn own_signups(context: &Context, deal: &Deal) -> Result<Vec<Signup>, PageError> {
    match context.visitor() {
        Some(visitor) if visitor.role == Role::Buyer => {
            Ok(context.app.ledger.signups_in_deal(visitor.account, deal.id).await?)
        }
        _ => Ok(Vec::new()),
    }
}
