//! `POST /tokens`: exchanges an e-mail address and password for a token.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::TokenView;
use crate::App;
use crate::domain::Email;
use crate::limits::Limit;
use crate::people::Scope;
use crate::people::TokenRequest;
use crate::web::problem::{Code, Problem};
use crate::web::request::{Body, ClientNetwork};

/// A new token, with the credentials of its account.
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
    /// The owner's name for the token.
    #[serde(default)]
    #[schema(required, min_length = 1, max_length = 80)]
    label: String,
    /// The scopes that limit the token. Without them it can do everything that its account can.
    #[schema(value_type = Option<Vec<Scope>>)]
    scopes: Option<Vec<String>>,
    /// When the token expires. Without it, the token is valid until it is revoked.
    expires_at: Option<DateTime<Utc>>,
}

/// A new token with its secret.
#[derive(Serialize, ToSchema)]
pub struct MadeToken {
    #[serde(flatten)]
    described: TokenView,
    /// The token itself. No other response contains it.
    #[schema(example = "mst_q6jz5s2d7k4wfh3n9yx8vb2m5c7e4t6a")]
    token: String,
}

/// `POST /tokens`
#[utoipa::path(
    post, path = "/tokens", tag = "accounts", operation_id = "create_token",
    summary = "Create a token",
    description = "Send the token with every request as `Authorization: Bearer TOKEN`. It is shown only once: store it safely, and \
                   revoke it when you stop using it.",
    request_body = NewToken,
    responses((status = 201, description = "The new token.", body = MadeToken)),
    extensions(("x-problems" = json!(["wrong_password", "busy"]))),
)]
pub async fn create(app: web::Data<App>, client: ClientNetwork, body: Body) -> Result<HttpResponse, Problem> {
    app.limits.take(Limit::LoginsFrom(client.0)).await?;
    let new: NewToken = body.json().await?;
    let request = TokenRequest::parse(&new.label, new.scopes.as_deref(), new.expires_at, app.clock.now());
    let email = Email::parse(&new.email);
    let (request, email) = match (request, email) {
        (Ok(request), Ok(email)) => (request, email),
        (request, email) => {
            let problems = email.err().into_iter().chain(request.err().into_iter().flatten());
            return Err(Problem::invalid(problems.collect()));
        }
    };
    app.limits.take(Limit::LoginsOf((&email).into(), client.0)).await?;
    app.limits.take(Limit::LoginsHere).await?;
    let Some(account) = app.auth.check_password(&email, &new.password).await? else {
        return Err(Problem::new(Code::WrongPassword));
    };
    app.limits.take(Limit::TokensOf(account.id)).await?;
    let created = app.auth.create_token(account.id, request).await?;
    let token = created.secret.expose_secret().to_owned();
    Ok(HttpResponse::Created().json(MadeToken { described: created.token.into(), token }))
}
