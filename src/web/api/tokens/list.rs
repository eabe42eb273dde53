//! `GET /tokens`: one's own tokens.

use actix_web::{HttpResponse, web};

use super::TokenView;
use crate::App;
use crate::web::api::paging::{List, Listing};
use crate::web::extract::{Query, Signed};
use crate::web::problem::Problem;

/// `GET /tokens`
#[utoipa::path(
    get, path = "/tokens", tag = "accounts", operation_id = "list_tokens",
    summary = "Your tokens",
    description = "Those that were not revoked, the newest first. Needs a token without limits.",
    params(
        ("limit" = Option<u32>, Query, description = "How many, 1 to 100; 20 unless said.", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before."),
    ),
    responses((status = 200, description = "A page of them.", body = Listing<TokenView>)),
    security(("token" = []), ("session" = [])),
)]
pub async fn list(app: web::Data<App>, owner: Signed, query: Query) -> Result<HttpResponse, Problem> {
    let list = List::new("tokens", &[]);
    let tokens = app.auth.tokens(owner.account, &list.page(query)?).await?;
    Ok(list.answer(tokens.map(TokenView::from)))
}
