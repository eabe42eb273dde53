//! `POST /accounts`: creates an account.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::App;
use crate::domain::{AccountId, Merchant, MerchantId};
use crate::limits::Limit;
use crate::people::Account;
use crate::people::{SignUpOutcome, SignUpRequest};
use crate::web::problem::{Code, Problem};
use crate::web::request::{Body, ClientNetwork};

/// A new account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "email": "ann@example.com", "password": "correct horse battery", "name": "Ann",
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
    /// `merchant` also opens a merchant of the same name, which the account owns. Every account may join deals.
    #[serde(default)]
    #[schema(value_type = Option<Role>, deprecated)]
    role: Option<String>,
}

/// Whether an account was created with a merchant.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Without a merchant.
    Buyer,
    /// With a merchant of the account's name.
    Merchant,
}

/// An account.
#[derive(Serialize, ToSchema)]
#[schema(as = Account, example = json!({
    "id": "0197f3b0-5c1e-7c3a-9d2b-1f0a6e4c8b5d", "email": "ann@example.com", "name": "Ann", "role": "buyer", "merchant": null,
    "created_at": "2026-11-22T08:00:00Z",
}))]
pub struct AccountView {
    #[schema(value_type = uuid::Uuid)]
    id: AccountId,
    email: String,
    name: String,
    #[schema(deprecated)]
    role: Role,
    /// The merchant that was opened with the account, if the request asked for one.
    #[schema(value_type = Option<uuid::Uuid>)]
    merchant: Option<MerchantId>,
    created_at: DateTime<Utc>,
}

impl AccountView {
    fn new(account: &Account, merchant: Option<&Merchant>) -> Self {
        Self {
            id: account.id,
            email: account.email.as_str().to_owned(),
            name: account.name.clone(),
            role: if merchant.is_some() { Role::Merchant } else { Role::Buyer },
            merchant: merchant.map(|merchant| merchant.id),
            created_at: account.created_at,
        }
    }
}

/// `POST /accounts`
#[utoipa::path(
    post, path = "/accounts", tag = "accounts", operation_id = "create_account",
    summary = "Create an account",
    description = "Every account may join deals. An account that opens a merchant may also offer them. To use an account from a \
                   program, create a token with `POST /tokens`.",
    request_body = NewAccount,
    responses((status = 201, description = "The new account.", body = AccountView)),
    extensions(("x-problems" = json!(["email_taken", "busy"]))),
)]
pub async fn create(app: web::Data<App>, client: ClientNetwork, body: Body) -> Result<HttpResponse, Problem> {
    app.limits.take(Limit::AccountsFrom(client.0)).await?;
    let new: NewAccount = body.json().await?;
    let person = SignUpRequest::parse(&new.email, new.password, &new.name, new.role.as_deref())?;
    app.limits.take(Limit::LoginsHere).await?;
    match app.auth.sign_up(person).await? {
        SignUpOutcome::SignedUp { account, merchant } => {
            Ok(HttpResponse::Created().json(AccountView::new(&account, merchant.as_ref())))
        }
        SignUpOutcome::EmailTaken => Err(Problem::new(Code::EmailTaken)),
    }
}
