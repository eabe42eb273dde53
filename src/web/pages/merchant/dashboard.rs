//! `GET /merchant`: the dashboard, with the deals of the visitor's merchants.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use crate::store::{DealFilter, DealOrder};
use crate::web::page::PageError;
use crate::web::page::context::{Context, PageQuery};
use crate::web::page::render;
use crate::web::pages::view::merchant::DashboardPage;

const PATH: &str = "/merchant";
/// Deals per page.
const PAGE_SIZE: u32 = 50;

/// `GET /merchant`
pub async fn dashboard(context: Context, query: web::Query<PageQuery>) -> Result<HttpResponse, PageError> {
    let merchants = context.merchant()?.staff_of.ids();
    let own = DealFilter { merchants: Some(merchants), order: DealOrder::Newest, ..DealFilter::default() };
    let deals = context.app.store.deals(&own, &query.request(PATH, PAGE_SIZE)).await?;
    let next = deals.next_cursor.map(|cursor| PageQuery::url(PATH, cursor));
    render::page(StatusCode::OK, &DashboardPage::new(context.layout(), &deals.items, next, context.now()))
}
