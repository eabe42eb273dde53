//! `DELETE /tokens/{id}`: revokes a token.

use actix_web::{HttpResponse, web};

use crate::App;
use crate::domain::TokenId;
use crate::limits::Limit;
use crate::web::problem::{Code, Problem};
use crate::web::request::{Id, SignedIn};

/// `DELETE /tokens/{id}`
#[utoipa::path(
    delete, path = "/tokens/{id}", tag = "accounts", operation_id = "revoke_token",
    summary = "Revoke a token",
    description = "The token stops working immediately on the server that answers, and within seconds on others. Revoking it again has \
                   no further effect.",
    params(("id" = uuid::Uuid, Path, description = "The token's id.")),
    responses((status = 204, description = "The token is revoked.")),
    security(("token" = []), ("session" = [])),
    extensions(("x-problems" = json!(["no_such_token"]))),
)]
pub async fn revoke(app: web::Data<App>, owner: SignedIn, token: Id<TokenId>) -> Result<HttpResponse, Problem> {
    app.limits.take(Limit::WritesOf(owner.account)).await?;
    if app.auth.revoke_token(owner.account, token.0).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(Problem::new(Code::NoSuchToken))
    }
}
