//! `GET /deals/{id}/signups`: lists the signups of the merchant's deal.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::domain::{AccountId, DealId, SignupId, SignupState};
use crate::store::DealSignup;
use crate::web::paging::{List, Listing};
use crate::web::problem::{Code, Problem};
use crate::web::request::{Id, Merchant, Query, needs};

/// A signup as the deal's merchant sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = DealSignup, example = json!({
    "id": "0b6c1e2a-8f3d-8a4b-9c5d-6e7f8a9b0c1d", "buyer": "0197f3b0-2222-7c3a-9d2b-1f0a6e4c8b5d", "buyer_name": "Ann",
    "units": 2, "number": 17, "state": "active", "joined_at": "2026-11-22T08:00:00Z",
}))]
pub struct DealSignupView {
    #[schema(value_type = uuid::Uuid)]
    id: SignupId,
    #[schema(value_type = uuid::Uuid)]
    buyer: AccountId,
    /// The buyer's name; null if the buyer's data was erased.
    buyer_name: Option<String>,
    units: u32,
    number: u32,
    state: SignupState,
    joined_at: DateTime<Utc>,
}

impl From<DealSignup> for DealSignupView {
    fn from(row: DealSignup) -> Self {
        Self {
            id: row.signup.id,
            buyer: row.signup.buyer,
            buyer_name: row.buyer_name,
            units: row.signup.units,
            number: row.signup.number,
            state: row.signup.state,
            joined_at: row.signup.joined_at,
        }
    }
}

/// `GET /deals/{id}/signups`
#[utoipa::path(
    get, path = "/deals/{id}/signups", tag = "deals", operation_id = "list_signups_of_deal",
    summary = "List the signups of your deal",
    description = "In the order in which buyers joined, including buyers who left.",
    params(
        ("id" = uuid::Uuid, Path, description = "The deal's id."),
        ("limit" = Option<u32>, Query, description = "Maximum items to return: 1 to 100, 20 by default.", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the previous page."),
    ),
    responses((status = 200, description = "A page of signups.", body = Listing<DealSignupView>)),
    security(("token" = ["read"]), ("session" = [])),
    extensions(("x-role" = json!("merchant")), ("x-problems" = json!(["no_such_deal"]))),
)]
pub async fn list(
    app: web::Data<App>,
    merchant: Merchant<needs::Read>,
    deal: Id<DealId>,
    query: Query,
) -> Result<HttpResponse, Problem> {
    let list = List::new("signups of", &[&deal.0.to_string()]);
    let signups = app.store.signups_of_deal(&merchant.staff_of.ids(), deal.0, &list.page(query)?).await?;
    let signups = signups.ok_or_else(|| Problem::new(Code::NoSuchDeal))?;
    Ok(list.respond(signups.map(DealSignupView::from)))
}
