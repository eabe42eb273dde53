//! `GET /deals`: lists published deals, or the merchant's own.

use actix_web::http::header::{CONTENT_TYPE, ETAG};
use actix_web::{HttpResponse, web};
use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

use super::{DealView, view};
use crate::App;
use crate::domain::{DealState, FieldProblem, FieldProblemKind, MerchantId};
use crate::people::Scope;
use crate::store::{DealFilter, DealOrder};
use crate::web::paging::{List, Listing};
use crate::web::problem::{Code, Problem};
use crate::web::request::{IfNoneMatch, MaybeSignedIn, Query};

/// `GET /deals`
#[utoipa::path(
    get, path = "/deals", tag = "deals", operation_id = "list_deals",
    summary = "List deals",
    description = "Published deals, ordered by closing time. With `mine=true`, the deals of all your merchants including drafts, newest \
                   first.",
    params(
        ("state" = Option<Vec<DealState>>, Query, description = "Only deals in one of these states: repeat the parameter for each.", explode, style = Form),
        ("city" = Option<String>, Query, description = "Only deals in exactly this city."),
        ("category" = Option<String>, Query, description = "Only deals of exactly this category."),
        ("q" = Option<String>, Query, description = "Only deals with this text in title, description, city or category."),
        ("mine" = Option<bool>, Query, description = "Only deals of your merchants. For their staff."),
        ("limit" = Option<u32>, Query, description = "Maximum items to return: 1 to 100, 20 by default.", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the previous page."),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` that you have cached."),
    ),
    responses(
        (status = 200, description = "A page of deals.", body = Listing<DealView>, headers(("ETag" = String, description = "The page's version."))),
        (status = 304, description = "Your cached copy is current."),
    ),
    security((), ("token" = ["read"]), ("session" = [])),
    extensions(("x-problems" = json!(["not_signed_in", "wrong_role", "scope_missing"]))),
)]
pub async fn list(
    app: web::Data<App>,
    viewer: MaybeSignedIn,
    mut query: Query,
    known: IfNoneMatch,
) -> Result<HttpResponse, Problem> {
    let filter = filter(&mut query, &viewer)?;
    let states: Vec<&str> = filter.states.iter().map(|state| state.as_str()).collect();
    let merchants: Vec<String> = filter.merchants.iter().flatten().map(MerchantId::to_string).collect();
    let part = |text: &Option<String>| text.clone().unwrap_or_default();
    let list = List::new(
        "deals",
        &[&states.join(","), &part(&filter.city), &part(&filter.category), &part(&filter.text), &merchants.join(",")],
    );
    let page = list.page(query)?;
    let deals = app.store.deals(&filter, &page).await?;
    let listing = list.listing(deals.map(|deal| DealView::from(&deal)));
    respond(&listing, &known)
}

fn filter(query: &mut Query, viewer: &MaybeSignedIn) -> Result<DealFilter, Problem> {
    let mine = query.value("mine", |text| {
        text.parse::<bool>().map_err(|_| FieldProblem::new("mine", FieldProblemKind::NotABoolean))
    });
    let merchants = if mine == Some(true) { Some(own_merchants(viewer)?) } else { None };
    let states = query.values("state", |word| {
        DealState::parse(word).ok_or_else(|| FieldProblem::new("state", FieldProblemKind::UnknownDealState))
    });
    Ok(DealFilter {
        states,
        city: query.text("city"),
        category: query.text("category"),
        text: query.text("q"),
        almost_there: false,
        order: if merchants.is_some() { DealOrder::Newest } else { DealOrder::EndingSoon },
        merchants,
    })
}

fn own_merchants(viewer: &MaybeSignedIn) -> Result<Vec<MerchantId>, Problem> {
    let identity = viewer.0.as_ref().ok_or_else(|| Problem::new(Code::NotSignedIn))?;
    if identity.staff_of.is_empty() {
        return Err(Problem::new(Code::WrongRole).detail("Only the staff of a merchant have deals of their own."));
    }
    let identity = viewer.with_any(&[Scope::Read, Scope::Deals]);
    let scope = || Problem::new(Code::ScopeMissing).detail("Use a token with the scope read, or one without limits.");
    identity.map(|identity| identity.staff_of.ids()).ok_or_else(scope)
}

fn respond(listing: &Listing<DealView>, known: &IfNoneMatch) -> Result<HttpResponse, Problem> {
    let body = serde_json::to_string(listing).map_err(|error| Problem::internal(&error))?;
    let digest = Sha256::digest(&body);
    let etag = format!("\"{}\"", BASE64URL_NOPAD.encode(digest.get(..12).unwrap_or_default()));
    let mut response = if known.has(&etag) { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, etag.as_str())).insert_header(view::REVALIDATE);
    if known.has(&etag) {
        return Ok(response.finish());
    }
    Ok(response.insert_header((CONTENT_TYPE, "application/json")).body(body))
}
