//! `GET /merchant/deals/{deal}`: the console, on which a merchant manages one deal.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::own_deal;
use crate::domain::Deal;
use crate::web::page::PageError;
use crate::web::page::context::{Context, PageQuery};
use crate::web::page::render;
use crate::web::pages::view::merchant::{ConsolePage, ConsoleParts};

/// Signups per page.
const PAGE_SIZE: u32 = 100;

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

/// The view model of a deal's console. Fills in the signups of `parts`.
///
/// # Errors
/// Postgres is unavailable.
pub async fn console_page(
    context: &Context,
    deal: &Deal,
    query: &PageQuery,
    parts: ConsoleParts,
) -> Result<ConsolePage, PageError> {
    let path = format!("/merchant/deals/{}", deal.id);
    let request = query.request(&path, PAGE_SIZE);
    let signups = context.app.store.signups_of_deal(&[deal.merchant], deal.id, &request).await?;
    let signups = signups.ok_or_else(|| context.not_found())?;
    let parts = ConsoleParts {
        next: signups.next_cursor.map(|cursor| PageQuery::url(&path, cursor)),
        signups: signups.items.into_iter().map(|with_name| with_name.signup).collect(),
        ..parts
    };
    Ok(ConsolePage::new(context.layout(), deal, parts, context.origin(), context.now()))
}
