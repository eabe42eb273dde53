//! `DELETE /tokens/{id}`: a token that counts no more.

use actix_web::{HttpResponse, web};

use crate::App;
use crate::domain::TokenId;
use crate::limits::Limit;
use crate::web::error::Code;
use crate::web::extract::{Id, Signed};
use crate::web::problem::Problem;

/// `DELETE /tokens/{id}`
#[utoipa::path(
    delete, path = "/tokens/{id}", tag = "accounts", operation_id = "revoke_token",
    summary = "Revoke a token",
    description = "It counts no more: on this server at once, on others within seconds. Revoking it again is the same.",
    params(("id" = uuid::Uuid, Path, description = "The token's id.")),
    responses((status = 204, description = "It is revoked.")),
    security(("token" = []), ("session" = [])),
    extensions(("x-problems" = json!(["no_such_token"]))),
)]
pub async fn revoke(app: web::Data<App>, owner: Signed, token: Id<TokenId>) -> Result<HttpResponse, Problem> {
    app.limits.take(Limit::WritesOf(owner.account)).await?;
    if app.auth.revoke_token(owner.account, token.0).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(Problem::new(Code::NoSuchToken))
    }
}
