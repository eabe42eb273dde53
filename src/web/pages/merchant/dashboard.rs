//! `GET /merchant`: the merchant's own deals.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use crate::store::{DealFilter, DealOrder};
use crate::web::pages::context::{Context, PageQuery};
use crate::web::pages::error::PageError;
use crate::web::pages::render;
use crate::web::pages::view::merchant::DashboardPage;

const HERE: &str = "/merchant";
/// Deals on a page.
const LINES: u32 = 50;

/// `GET /merchant`
pub async fn dashboard(context: Context, query: web::Query<PageQuery>) -> Result<HttpResponse, PageError> {
    let merchant = context.merchant()?.account;
    let own = DealFilter { merchant: Some(merchant), order: DealOrder::Newest, ..DealFilter::default() };
    let deals = context.app.store.deals(&own, &query.request(HERE, LINES)).await?;
    let next = deals.next_cursor.map(|place| PageQuery::address(HERE, place));
    render::page(StatusCode::OK, &DashboardPage::new(context.shell(), &deals.items, next, context.now()))
}
