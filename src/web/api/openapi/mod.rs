//! `GET /api/openapi.json`: the API's description, OpenAPI 3.1.
//!
//! The document is built once from the attributes above the handlers. Status, title and detail of each operation's
//! problems come from the table of codes.

mod docs;
pub mod docs_page;
mod problems;

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::Value;
use utoipa::OpenApi;

use super::{coupons, deals, health, live, redemptions, signups};
use crate::people::api::{accounts, tokens};
use crate::web::paths::API;

/// The document's header, and the operations that are not below [`API`].
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Muster",
        description = "Deals that happen only if enough people want them.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
        contact(),
    ),
    tags(
        (name = "accounts", description = "Accounts, and tokens for programs."),
        (name = "deals", description = "Merchants write and publish deals; everybody reads and watches them."),
        (name = "joining", description = "Buyers join deals, and can leave them until they tip."),
        (name = "coupons", description = "Buyers get coupons when a deal tips; merchants redeem them."),
        (name = "operations", description = "Health probes, for operators."),
    ),
    paths(health::alive, health::ready),
)]
struct Document;

/// The operations below [`API`].
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
struct Operations;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let document = Document::openapi().nest(API, Operations::openapi());
    // Serialising strings and numbers cannot fail.
    problems::complete(serde_json::to_value(document).unwrap_or_default())
});

static JSON: LazyLock<String> = LazyLock::new(|| DOCUMENT.to_string());

/// `GET /api/openapi.json`
pub async fn document() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .body(JSON.as_str())
}
