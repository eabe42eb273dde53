//! `GET /tokens`: lists the caller's tokens.

use actix_web::{HttpResponse, web};

use super::TokenView;
use crate::App;
use crate::web::paging::{List, Listing};
use crate::web::problem::Problem;
use crate::web::request::{Query, SignedIn};

/// `GET /tokens`
#[utoipa::path(
    get, path = "/tokens", tag = "accounts", operation_id = "list_tokens",
    summary = "List your tokens",
    description = "Tokens that are not revoked, newest first. Requires a token without scopes.",
    params(
        ("limit" = Option<u32>, Query, description = "Maximum items to return: 1 to 100, 20 by default.", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the previous page."),
    ),
    responses((status = 200, description = "A page of tokens.", body = Listing<TokenView>)),
    security(("token" = []), ("session" = [])),
)]
pub async fn list(app: web::Data<App>, owner: SignedIn, query: Query) -> Result<HttpResponse, Problem> {
    let list = List::new("tokens", &[]);
    let tokens = app.auth.tokens(owner.account, &list.page(query)?).await?;
    Ok(list.respond(tokens.map(TokenView::from)))
}
