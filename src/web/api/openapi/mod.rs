//! The API's description: `GET /api/openapi.json`, OpenAPI 3.1.
//!
//! Put together once from what stands above each handler. The problems that a call can answer with are added here, from the
//! table of codes, so that the description cannot say anything else than the server does.

pub mod page;
mod problems;
mod reading;

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::Value;
use utoipa::OpenApi;

use super::{accounts, coupons, deals, health, live, redemptions, signups, tokens};
use crate::web::routes::API;

/// The whole, and what stands beside the API.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Muster",
        description = "Deals that happen only if enough people want them.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
        contact(),
    ),
    tags(
        (name = "accounts", description = "People and the tokens of their programs."),
        (name = "deals", description = "Merchants write and publish them; everybody reads and watches them."),
        (name = "joining", description = "Buyers join deals, and leave them until they tip."),
        (name = "coupons", description = "What a deal that tipped gives its buyers, and how it is used."),
        (name = "operations", description = "For whoever runs the server."),
    ),
    paths(health::alive, health::ready),
)]
struct Whole;

/// The calls of the API.
#[derive(OpenApi)]
#[openapi(paths(
    accounts::create,
    tokens::create::create,
    tokens::list::list,
    tokens::revoke::revoke,
    deals::list::list,
    deals::show::show,
    live::watch,
    deals::create::create,
    deals::patch::patch,
    deals::publish::publish,
    deals::withdraw::withdraw,
    signups::of_deal::list,
    signups::join::join,
    signups::list::list,
    signups::show::show,
    signups::leave::leave,
    coupons::list::list,
    coupons::show::show,
    coupons::qr::show,
    redemptions::create,
))]
struct Calls;

/// The description, as it is sent.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let whole = Whole::openapi().nest(API, Calls::openapi());
    // Of strings and numbers only: there is nothing in it that could not be written.
    problems::complete(serde_json::to_value(whole).unwrap_or_default())
});

static TEXT: LazyLock<String> = LazyLock::new(|| DOCUMENT.to_string());

/// `GET /api/openapi.json`
pub async fn document() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .body(TEXT.as_str())
}
