//! `GET /`: the home page, with open deals and filters.

use std::rc::Rc;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::view::card::Card;
use super::view::home::{Filters, HomePage, Order};
use super::view::phase::Phase;
use crate::domain::{Deal, DealState};
use crate::store::{DealFilter, DealOrder, FRONT_PAGE_DEALS, Facets, FrontPage, Page, PageRequest};
use crate::web::content_coding::CompressedBody;
use crate::web::page::Context;
use crate::web::page::PageError;
use crate::web::page::render;
use crate::web::render_once::{RenderCache, render_once};

/// Maximum characters of a search text or filter.
const SEARCH_MAX: usize = 100;

/// `GET /`
pub async fn home(context: Context, request: HttpRequest) -> Result<HttpResponse, PageError> {
    // A malformed query shows the unfiltered page rather than an error.
    let filters = web::Query::<Filters>::from_query(request.query_string()).map(web::Query::into_inner);
    let filters = filters.unwrap_or_default().normalised(SEARCH_MAX);
    if !filters.is_plain() {
        return filtered(&context, filters).await;
    }
    let home = context.app.store.front_page().await?;
    if context.visitor().is_some() {
        return render::page(StatusCode::OK, &page_with(&context, filters, &home.deals, &home.facets));
    }
    // All anonymous visitors see the same page, so it is rendered once per database read and set of phases.
    let now = context.now();
    let phases = home.deals.items.iter().map(|deal| Phase::of(&deal.progress, deal.terms.opens_at, now)).collect();
    let html = render_once(&ANONYMOUS, (), &home, phases, || {
        let page = page_with(&context, filters, &home.deals, &home.facets);
        Ok::<_, PageError>(Rc::new(CompressedBody::new(page.render()?)))
    })?;
    Ok(render::shared_page(&request, &html))
}

thread_local! {
    static ANONYMOUS: RenderCache<(), FrontPage, Vec<Phase>, Rc<CompressedBody>> = RenderCache::default();
}

async fn filtered(context: &Context, filters: Filters) -> Result<HttpResponse, PageError> {
    let wanted = DealFilter {
        states: vec![DealState::Open, DealState::Tipped],
        city: filters.city.clone(),
        category: filters.category.clone(),
        text: (!filters.q.is_empty()).then(|| filters.q.clone()),
        almost_there: filters.order == Some(Order::Almost),
        merchants: None,
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
        layout: context.layout(),
        cities: facets.cities.iter().map(|city| filters.city_chip(city)).collect(),
        categories: facets.categories.iter().map(|category| filters.category_chip(category)).collect(),
        cards: deals.items.iter().map(|deal| Card::new(deal, now)).collect(),
        next: deals.next_cursor.map(|cursor| filters.page_url(list.write(cursor))),
        filters,
    }
}
