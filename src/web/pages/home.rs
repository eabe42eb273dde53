//! `GET /`: the market.

use std::rc::Rc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::context::Context;
use super::error::PageError;
use super::render;
use super::view::card::Card;
use super::view::home::{Filters, HomePage, Order};
use super::view::phase::Phase;
use crate::domain::{Deal, DealState};
use crate::store::{DealFilter, DealOrder, FRONT_PAGE_DEALS, Facets, FrontPage, Page, PageRequest};
use crate::web::content_coding::Coded;
use crate::web::made_once::{MadeOnce, made_once};

/// The most characters that are looked for.
const SEARCH_MAX: usize = 100;

/// `GET /`
pub async fn home(context: Context, request: HttpRequest) -> Result<HttpResponse, PageError> {
    // An address that somebody mangled shows the whole market rather than an error.
    let filters = web::Query::<Filters>::from_query(request.query_string()).map(web::Query::into_inner);
    let filters = filters.unwrap_or_default().tidied(SEARCH_MAX);
    if !filters.is_plain() {
        return filtered(&context, filters).await;
    }
    let market = context.app.store.front_page().await?;
    if context.visitor().is_some() {
        return render::page(StatusCode::OK, &page_with(&context, filters, &market.deals, &market.facets));
    }
    // Nobody in particular: everybody whom this read answers is shown the same, as long as that is how things are.
    let now = context.now();
    let phases = market.deals.items.iter().map(|deal| Phase::of(&deal.progress, deal.terms.opens_at, now)).collect();
    let html = made_once(&FOR_STRANGERS, (), &market, phases, || {
        let page = page_with(&context, filters, &market.deals, &market.facets);
        Ok::<_, PageError>(Rc::new(Coded::new(page.render()?)))
    })?;
    Ok(render::page_for_many(&request, &html))
}

thread_local! {
    static FOR_STRANGERS: MadeOnce<(), FrontPage, Vec<Phase>, Rc<Coded>> = MadeOnce::default();
}

async fn filtered(context: &Context, filters: Filters) -> Result<HttpResponse, PageError> {
    let wanted = DealFilter {
        states: vec![DealState::Open, DealState::Tipped],
        city: filters.city.clone(),
        category: filters.category.clone(),
        text: (!filters.q.is_empty()).then(|| filters.q.clone()),
        almost_there: filters.order == Some(Order::Almost),
        merchant: None,
        order: if filters.order.is_none() { DealOrder::Newest } else { DealOrder::EndingSoon },
    };
    let cursor = filters.cursor.as_deref().and_then(|text| filters.list().read(text));
    let store = &context.app.store;
    let deals = store.deals(&wanted, &PageRequest { limit: FRONT_PAGE_DEALS, cursor }).await?;
    let facets = store.facets().await?;
    render::page(StatusCode::OK, &page_with(context, filters, &deals, &facets))
}

fn page_with(context: &Context, filters: Filters, deals: &Page<Deal>, facets: &Facets) -> HomePage {
    let now = context.now();
    let list = filters.list();
    HomePage {
        shell: context.shell(),
        cities: facets.cities.iter().map(|city| filters.city_chip(city)).collect(),
        categories: facets.categories.iter().map(|category| filters.category_chip(category)).collect(),
        cards: deals.items.iter().map(|deal| Card::new(deal, now)).collect(),
        next: deals.next_cursor.map(|place| filters.at(list.write(place))),
        filters,
    }
}
