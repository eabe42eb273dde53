//! `POST /tokens`: a token for a password.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::TokenView;
use crate::App;
use crate::auth::TokenRequest;
use crate::domain::{Email, Scope};
use crate::limits::Limit;
use crate::web::error::Code;
use crate::web::extract::{Body, ComesFrom};
use crate::web::problem::Problem;

/// Who wants a token, and which.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "email": "mo@example.com", "password": "correct horse battery", "label": "till 2", "scopes": ["redeem"],
}))]
pub struct NewToken {
    #[serde(default)]
    #[schema(required, format = Email, max_length = 254)]
    email: String,
    #[serde(default)]
    #[schema(required, value_type = String, format = Password, max_length = 128)]
    password: SecretString,
    /// What its owner calls it.
    #[serde(default)]
    #[schema(required, min_length = 1, max_length = 80)]
    label: String,
    /// What it is limited to; without it, the token may do whatever its account may do.
    #[schema(value_type = Option<Vec<Scope>>)]
    scopes: Option<Vec<String>>,
    /// When it ends by itself; without it, when it is revoked.
    expires_at: Option<DateTime<Utc>>,
}

/// A token that was just made.
#[derive(Serialize, ToSchema)]
pub struct MadeToken {
    #[serde(flatten)]
    described: TokenView,
    /// The token itself. It is shown here and never again.
    #[schema(example = "mst_q6jz5s2d7k4wfh3n9yx8vb2m5c7e4t6a")]
    token: String,
}

/// `POST /tokens`
#[utoipa::path(
    post, path = "/tokens", tag = "accounts", operation_id = "create_token",
    summary = "Make a token",
    description = "Send it with each request as `Authorization: Bearer TOKEN`. It is shown once: keep it safe, and revoke it \
                   when it is not needed any more.",
    request_body = NewToken,
    responses((status = 201, description = "The token, shown this once.", body = MadeToken)),
    extensions(("x-problems" = json!(["wrong_password", "busy"]))),
)]
pub async fn create(app: web::Data<App>, from: ComesFrom, body: Body) -> Result<HttpResponse, Problem> {
    app.limits.take(Limit::LoginsFrom(from.0)).await?;
    let new: NewToken = body.json().await?;
    let wish = TokenRequest::parse(&new.label, new.scopes.as_deref(), new.expires_at, app.clock.now());
    let email = Email::parse(&new.email);
    let (wish, email) = match (wish, email) {
        (Ok(wish), Ok(email)) => (wish, email),
        (wish, email) => {
            let problems = email.err().into_iter().chain(wish.err().into_iter().flatten());
            return Err(Problem::invalid(problems.collect()));
        }
    };
    app.limits.take(Limit::LoginsOf((&email).into(), from.0)).await?;
    app.limits.take(Limit::LoginsHere).await?;
    let Some(account) = app.auth.check_password(&email, &new.password).await? else {
        return Err(Problem::new(Code::WrongPassword));
    };
    app.limits.take(Limit::TokensOf(account.id)).await?;
    let made = app.auth.create_token(account.id, wish).await?;
    let token = made.secret.expose_secret().to_owned();
    Ok(HttpResponse::Created().json(MadeToken { described: made.token.into(), token }))
}
