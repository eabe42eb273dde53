//! `GET /signups`: one's own.

use actix_web::{HttpResponse, web};

use super::SignupView;
use crate::App;
use crate::web::api::paging::{List, Listing};
use crate::web::extract::{Buyer, Query, needs};
use crate::web::problem::Problem;

/// `GET /signups`
#[utoipa::path(
    get, path = "/signups", tag = "joining", operation_id = "list_signups",
    summary = "Your signups",
    description = "The newest first.",
    params(
        ("limit" = Option<u32>, Query, description = "How many, 1 to 100; 20 unless said.", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before."),
    ),
    responses((status = 200, description = "A page of them.", body = Listing<SignupView>)),
    security(("token" = ["read"]), ("session" = [])),
    extensions(("x-role" = json!("buyer"))),
)]
pub async fn list(app: web::Data<App>, buyer: Buyer<needs::Read>, query: Query) -> Result<HttpResponse, Problem> {
    let list = List::new("signups", &[]);
    let signups = app.store.signups_of_buyer(buyer.account, &list.page(query)?).await?;
    Ok(list.answer(signups.map(SignupView::from)))
}
