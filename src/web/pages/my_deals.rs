//! `GET /my/deals`: the deals that the buyer has joined.

use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::view::lists::MyDealsPage;
use crate::domain::{Deal, DealId};
use crate::web::page::PageError;
use crate::web::page::context::{Context, PageQuery};
use crate::web::page::render;

const PATH: &str = "/my/deals";
/// Signups per page.
const PAGE_SIZE: u32 = 50;

/// `GET /my/deals`
pub async fn my_deals(context: Context, query: web::Query<PageQuery>) -> Result<HttpResponse, PageError> {
    let buyer = context.buyer()?.account;
    let signups = context.app.store.signups_of_buyer(buyer, &query.request(PATH, PAGE_SIZE)).await?;
    let deals = deals_by_id(&context, signups.items.iter().map(|signup| signup.deal)).await?;
    let joined: Vec<_> =
        signups.items.iter().filter_map(|signup| Some((*signup, deals.get(&signup.deal)?.clone()))).collect();
    let next = signups.next_cursor.map(|cursor| PageQuery::url(PATH, cursor));
    render::page(StatusCode::OK, &MyDealsPage::new(context.layout(), &joined, next, context.now()))
}

/// The deals with these ids, in one query.
///
/// # Errors
/// Postgres is unavailable.
pub async fn deals_by_id(
    context: &Context,
    ids: impl Iterator<Item = DealId>,
) -> Result<HashMap<DealId, Deal>, PageError> {
    let mut ids: Vec<DealId> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    let deals = context.app.store.deals_by_id(&ids).await?;
    Ok(deals.into_iter().map(|deal| (deal.id, deal)).collect())
}
