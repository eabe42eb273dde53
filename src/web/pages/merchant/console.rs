//! `GET /merchant/deals/{deal}`: one deal, as its merchant watches it.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::own_deal;
use crate::domain::Deal;
use crate::web::pages::context::{Context, PageQuery};
use crate::web::pages::error::PageError;
use crate::web::pages::render;
use crate::web::pages::view::merchant::{ConsolePage, ConsoleParts};

/// Signups on a page.
const LINES: u32 = 100;

/// `GET /merchant/deals/{deal}`
pub async fn console(
    context: Context,
    path: web::Path<String>,
    query: web::Query<PageQuery>,
) -> Result<HttpResponse, PageError> {
    let deal = own_deal(&context, &path).await?;
    let page = console_page(&context, &deal, &query, ConsoleParts::default()).await?;
    render::page(StatusCode::OK, &page)
}

/// The console of a deal, with what `parts` has to say; who joined is filled in here.
///
/// # Errors
/// Postgres is away.
pub async fn console_page(
    context: &Context,
    deal: &Deal,
    query: &PageQuery,
    parts: ConsoleParts,
) -> Result<ConsolePage, PageError> {
    let here = format!("/merchant/deals/{}", deal.id);
    let joined = context.app.store.signups_of_deal(deal.merchant, deal.id, &query.request(&here, LINES)).await?;
    let joined = joined.ok_or_else(|| context.not_found())?;
    let parts = ConsoleParts {
        next: joined.next_cursor.map(|place| PageQuery::address(&here, place)),
        signups: joined.items.into_iter().map(|joined| joined.signup).collect(),
        ..parts
    };
    Ok(ConsolePage::new(context.shell(), deal, parts, context.origin(), context.now()))
}
