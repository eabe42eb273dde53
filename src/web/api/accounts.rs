//! `POST /accounts`: creates an account.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::App;
use crate::auth::{SignUpOutcome, SignUpRequest};
use crate::domain::{Account, AccountId, Role};
use crate::limits::Limit;
use crate::web::problem::{Code, Problem};
use crate::web::request::{Body, ClientNetwork};

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "email": "ann@example.com", "password": "correct horse battery", "name": "Ann", "role": "buyer",
}))]
pub struct NewAccount {
    /// The address that the owner signs in with.
    #[serde(default)]
    #[schema(required, format = Email, max_length = 254)]
    email: String,
    /// 8 to 128 characters of any kind. Common passwords are refused.
    #[serde(default)]
    #[schema(required, value_type = String, format = Password, min_length = 8, max_length = 128)]
    password: SecretString,
    /// The name that others see.
    #[serde(default)]
    #[schema(required, min_length = 1, max_length = 80)]
    name: String,
    /// Whether the account joins deals (`buyer`) or offers them (`merchant`).
    #[serde(default)]
    #[schema(required, value_type = NewRole)]
    role: String,
}

/// The role of a new account.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(
    dead_code,
    reason = "only describes `NewAccount::role` for OpenAPI; the field is a string so that all problems are reported together"
)]
pub enum NewRole {
    /// Joins deals.
    Buyer,
    /// Offers deals and redeems their coupons.
    Merchant,
}

/// An account.
#[derive(Serialize, ToSchema)]
#[schema(as = Account, example = json!({
    "id": "0197f3b0-5c1e-7c3a-9d2b-1f0a6e4c8b5d", "email": "ann@example.com", "name": "Ann", "role": "buyer",
    "created_at": "2026-11-22T08:00:00Z",
}))]
pub struct AccountView {
    #[schema(value_type = uuid::Uuid)]
    id: AccountId,
    email: String,
    name: String,
    role: Role,
    created_at: DateTime<Utc>,
}

impl From<&Account> for AccountView {
    fn from(account: &Account) -> Self {
        Self {
            id: account.id,
            email: account.email.as_str().to_owned(),
            name: account.name.clone(),
            role: account.role,
            created_at: account.created_at,
        }
    }
}

/// `POST /accounts`
#[utoipa::path(
    post, path = "/accounts", tag = "accounts", operation_id = "create_account",
    summary = "Create an account",
    description = "An account joins deals or offers them. To use it from a program, create a token with `POST /tokens`.",
    request_body = NewAccount,
    responses((status = 201, description = "The new account.", body = AccountView)),
    extensions(("x-problems" = json!(["email_taken", "busy"]))),
)]
pub async fn create(app: web::Data<App>, client: ClientNetwork, body: Body) -> Result<HttpResponse, Problem> {
    app.limits.take(Limit::AccountsFrom(client.0)).await?;
    let new: NewAccount = body.json().await?;
    let person = SignUpRequest::parse(&new.email, new.password, &new.name, &new.role)?;
    app.limits.take(Limit::LoginsHere).await?;
    match app.auth.sign_up(person).await? {
        SignUpOutcome::SignedUp(account) => Ok(HttpResponse::Created().json(AccountView::from(&account))),
        SignUpOutcome::EmailTaken => Err(Problem::new(Code::EmailTaken)),
    }
}
