//! `GET` and `POST /sign-up`: creating an account.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use secrecy::SecretString;
use serde::Deserialize;

use crate::domain::{FieldProblem, FieldProblemKind};
use crate::limits::Limit;
use crate::people::accounts::views::{SignUpPage, sign_up_form};
use crate::people::sessions::pages::sign_in::begin_session;
use crate::people::{SignUpOutcome, SignUpRequest};
use crate::web::page::Context;
use crate::web::page::Form;
use crate::web::page::Next;
use crate::web::page::PageError;
use crate::web::page::render;
use crate::web::request::CsrfForm;

/// The sign-up form's fields.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SignUpForm {
    role: String,
    name: String,
    email: String,
    password: SecretString,
    next: String,
}

/// The query of the sign-up page.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SignUpQuery {
    role: String,
    next: String,
}

/// `GET /sign-up`
pub async fn sign_up_page(context: Context, query: web::Query<SignUpQuery>) -> Result<HttpResponse, PageError> {
    let SignUpQuery { role, next } = query.into_inner();
    show(&context, StatusCode::OK, sign_up_form("", ""), &role, &Next::new(next))
}

/// `POST /sign-up`: creates the account and signs it in.
pub async fn sign_up(context: Context, CsrfForm(form): CsrfForm<SignUpForm>) -> Result<HttpResponse, PageError> {
    let SignUpForm { role, name, email, password, next } = form;
    let (form, next) = (sign_up_form(&name, &email), Next::new(next));
    let person = match SignUpRequest::parse(&email, password, &name, Some(&role)) {
        Ok(person) => person,
        Err(problems) => {
            let form = form.with_problems(&problems);
            return show(&context, StatusCode::UNPROCESSABLE_ENTITY, form, &role, &next);
        }
    };
    // Signing up hashes a password, as signing in does, so it counts against the same limit.
    context.within([Limit::AccountsFrom(context.client()), Limit::LoginsHere]).await?;
    match context.app.auth.sign_up(person).await? {
        SignUpOutcome::SignedUp { account, .. } => begin_session(&context, account.id, &next).await,
        SignUpOutcome::EmailTaken => {
            let form = form.with_problems(&[FieldProblem::new("email", FieldProblemKind::EmailTaken)]);
            show(&context, StatusCode::CONFLICT, form, &role, &next)
        }
    }
}

fn show(context: &Context, status: StatusCode, form: Form, role: &str, next: &Next) -> Result<HttpResponse, PageError> {
    let next = next.path().unwrap_or_default().to_owned();
    render::page(status, &SignUpPage::new(context.layout(), form, next, role == "merchant"))
}
