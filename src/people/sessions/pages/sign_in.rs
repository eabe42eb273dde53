//! `GET` and `POST /sign-in`: signing in.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;

use crate::domain::{AccountId, Email};
use crate::limits::Limit;
use crate::people::sessions::views::{SignInPage, sign_in_form};
use crate::web::page::Context;
use crate::web::page::Form;
use crate::web::page::Next;
use crate::web::page::PageError;
use crate::web::page::render;
use crate::web::page::see_other;
use crate::web::request::CsrfForm;
use crate::web::request::session;

/// The error for a wrong address and for a wrong password. One sentence for both does not reveal which addresses have
/// an account.
const WRONG: &str = "The e-mail address or the password is wrong.";

/// The sign-in form's fields.
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
        Some(visitor) => Ok(see_other(query.path().unwrap_or(start_page(!visitor.staff_of.is_empty())))),
        None => show(&context, StatusCode::OK, sign_in_form(""), &query),
    }
}

/// `POST /sign-in`
pub async fn sign_in(context: Context, CsrfForm(form): CsrfForm<SignInForm>) -> Result<HttpResponse, PageError> {
    let next = Next::new(form.next);
    let email = match Email::parse(&form.email) {
        Ok(email) => email,
        Err(problem) => {
            let rejected = sign_in_form(&form.email).with_problems(&[problem]);
            return show(&context, StatusCode::UNPROCESSABLE_ENTITY, rejected, &next);
        }
    };
    let client = context.client();
    context.within([Limit::LoginsFrom(client), Limit::LoginsOf((&email).into(), client), Limit::LoginsHere]).await?;
    let Some(account) = context.app.auth.check_password(&email, &form.password).await? else {
        let rejected = sign_in_form(&form.email).with_general(WRONG);
        return show(&context, StatusCode::UNAUTHORIZED, rejected, &next);
    };
    begin_session(&context, account.id, &next).await
}

/// Starts a session for an authenticated account, and redirects to `next` or to the account's start page.
///
/// # Errors
/// Postgres is unavailable.
pub async fn begin_session(context: &Context, account: AccountId, next: &Next) -> Result<HttpResponse, PageError> {
    let started = context.app.auth.start_session(account, context.caller.session).await?;
    let https = context.app.config.server.base_url.is_https();
    let cookie = session::cookie(&started.secret, started.ends_at, context.now(), https);
    let path = match next.path() {
        Some(path) => path,
        None => start_page(!context.app.store.merchants_of(account).await?.is_empty()),
    };
    let mut response = see_other(path);
    response.add_cookie(&cookie).map_err(|_| PageError::broken())?;
    Ok(response)
}

/// The page that an account sees after signing in.
const fn start_page(is_staff: bool) -> &'static str {
    if is_staff { "/merchant" } else { "/" }
}

fn show(context: &Context, status: StatusCode, form: Form, next: &Next) -> Result<HttpResponse, PageError> {
    let next = next.path().unwrap_or_default().to_owned();
    render::page(status, &SignInPage::new(context.layout(), form, next))
}
