//! `GET` and `POST /sign-in`.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;

use super::context::Context;
use super::error::PageError;
use super::next::Next;
use super::render;
use super::typed::Typed;
use super::view::Form;
use super::view::entry::{SignInPage, sign_in_form};
use crate::domain::{Account, Email, Role};
use crate::limits::Limit;
use crate::web::session;

/// One sentence for both, so that nobody learns which addresses have an account.
const WRONG: &str = "The e-mail address or the password is wrong.";

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SignInForm {
    email: String,
    password: SecretString,
    next: String,
}

/// `GET /sign-in`
pub async fn sign_in_page(context: Context, query: web::Query<Next>) -> Result<HttpResponse, PageError> {
    match context.visitor() {
        Some(visitor) => Ok(render::see_other(query.path().unwrap_or(home_of(visitor.role)))),
        None => show(&context, StatusCode::OK, sign_in_form(""), &query),
    }
}

/// `POST /sign-in`
pub async fn sign_in(context: Context, Typed(form): Typed<SignInForm>) -> Result<HttpResponse, PageError> {
    let next = Next::new(form.next);
    let email = match Email::parse(&form.email) {
        Ok(email) => email,
        Err(problem) => {
            let typed = sign_in_form(&form.email).with_problems(&[problem]);
            return show(&context, StatusCode::UNPROCESSABLE_ENTITY, typed, &next);
        }
    };
    let from = context.from();
    context.within([Limit::LoginsFrom(from), Limit::LoginsOf((&email).into(), from), Limit::LoginsHere]).await?;
    let Some(account) = context.app.auth.check_password(&email, &form.password).await? else {
        let typed = sign_in_form(&form.email).with_general(WRONG);
        return show(&context, StatusCode::UNAUTHORIZED, typed, &next);
    };
    begin_session(&context, &account, &next).await
}

/// Signs an account in whose password was checked, and sends it on.
///
/// # Errors
/// Postgres is away.
pub async fn begin_session(context: &Context, account: &Account, next: &Next) -> Result<HttpResponse, PageError> {
    let started = context.app.auth.start_session(account.id, context.caller.session).await?;
    let https = context.app.config.server.base_url.is_https();
    let cookie = session::cookie(&started.secret, started.ends_at, context.now(), https);
    let mut response = render::see_other(next.path().unwrap_or(home_of(account.role)));
    response.add_cookie(&cookie).map_err(|_| PageError::broken())?;
    Ok(response)
}

/// Where an account begins.
const fn home_of(role: Role) -> &'static str {
    match role {
        Role::Buyer | Role::Operator => "/",
        Role::Merchant => "/merchant",
    }
}

fn show(context: &Context, status: StatusCode, form: Form, next: &Next) -> Result<HttpResponse, PageError> {
    let next = next.path().unwrap_or_default().to_owned();
    render::page(status, &SignInPage::new(context.shell(), form, next))
}
