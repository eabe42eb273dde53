//! `GET /signups`: lists the caller's signups.

use actix_web::{HttpResponse, web};

use super::SignupView;
use crate::App;
use crate::web::paging::{List, Listing};
use crate::web::problem::Problem;
use crate::web::request::{Buyer, Query, needs};

/// `GET /signups`
#[utoipa::path(
    get, path = "/signups", tag = "joining", operation_id = "list_signups",
    summary = "List your signups",
    description = "Newest first.",
    params(
        ("limit" = Option<u32>, Query, description = "Maximum items to return: 1 to 100, 20 by default.", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the previous page."),
    ),
    responses((status = 200, description = "A page of signups.", body = Listing<SignupView>)),
    security(("token" = ["read"]), ("session" = [])),
)]
pub async fn list(app: web::Data<App>, buyer: Buyer<needs::Read>, query: Query) -> Result<HttpResponse, Problem> {
    let list = List::new("signups", &[]);
    let signups = app.store.signups_of_buyer(buyer.account, &list.page(query)?).await?;
    Ok(list.respond(signups.map(SignupView::from)))
}
