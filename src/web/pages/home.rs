//! `GET /`: the market.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::context::Context;
use super::error::PageError;
use super::render;
use super::view::card::Card;
use super::view::home::{Filters, HomePage, Order};
use crate::domain::DealState;
use crate::ledger::{DealFilter, DealOrder, PageRequest};

/// Cards on a page.
const CARDS: u32 = 24;
/// The most characters that are looked for.
const SEARCH_MAX: usize = 100;

/// `GET /`
pub async fn home(context: Context, request: HttpRequest) -> Result<HttpResponse, PageError> {
    // An address that somebody mangled shows the whole market rather than an error.
    let filters = web::Query::<Filters>::from_query(request.query_string()).map(web::Query::into_inner);
    let filters = filters.unwrap_or_default().tidied(SEARCH_MAX);
    let wanted = DealFilter {
        states: vec![DealState::Open, DealState::Tipped],
        city: filters.city.clone(),
        category: filters.category.clone(),
        text: (!filters.q.is_empty()).then(|| filters.q.clone()),
        almost_there: filters.order == Some(Order::Almost),
        merchant: None,
        order: if filters.order.is_none() { DealOrder::Newest } else { DealOrder::EndingSoon },
    };
    let list = filters.list();
    let page = PageRequest { limit: CARDS, cursor: filters.cursor.as_deref().and_then(|text| list.read(text)) };
    let ledger = &context.app.ledger;
    let deals = ledger.deals(&wanted, &page).await?;
    let facets = ledger.facets().await?;
    let now = context.now();
    let page = HomePage {
        shell: context.shell(),
        cities: facets.cities.iter().map(|city| filters.city_chip(city)).collect(),
        categories: facets.categories.iter().map(|category| filters.category_chip(category)).collect(),
        cards: deals.items.iter().map(|deal| Card::new(deal, now)).collect(),
        next: deals.next_cursor.map(|place| filters.at(list.write(place))),
        filters,
    };
    render::page(StatusCode::OK, &page)
}
