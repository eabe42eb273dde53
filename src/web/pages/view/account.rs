//! The pages for signing in, signing up, and the account.

use askama::Template;

use super::time::Moment;
use super::{Form, Layout};
use crate::domain::Account;

/// The sign-in page: `GET /sign-in`.
#[derive(Template)]
#[template(path = "account/sign_in.html")]
pub struct SignInPage {
    layout: Layout,
    form: Form,
    next: String,
    sign_up_href: String,
    for_joining: bool,
}

impl SignInPage {
    /// The sign-in page. `next` is the path to return to; empty if there is none.
    #[must_use]
    pub fn new(layout: Layout, form: Form, next: String) -> Self {
        let for_joining = next.starts_with("/deals/");
        Self { layout, form, sign_up_href: with_next("/sign-up", &next), next, for_joining }
    }
}

/// The sign-in form with the submitted e-mail address. A submitted password is never shown again.
#[must_use]
pub fn sign_in_form(email: &str) -> Form {
    Form::new([("email", "E-mail", email), ("password", "Password", "")])
}

/// The sign-up page: `GET /sign-up`.
#[derive(Template)]
#[template(path = "account/sign_up.html")]
pub struct SignUpPage {
    layout: Layout,
    form: Form,
    next: String,
    merchant: bool,
    sign_in_href: String,
}

impl SignUpPage {
    /// The sign-up page. `next` is the path to return to; empty if there is none. `merchant` preselects selling.
    #[must_use]
    pub fn new(layout: Layout, form: Form, next: String, merchant: bool) -> Self {
        Self { layout, form, sign_in_href: with_next("/sign-in", &next), next, merchant }
    }
}

/// The sign-up form with the submitted values. A submitted password is never shown again.
#[must_use]
pub fn sign_up_form(name: &str, email: &str) -> Form {
    Form::new([
        ("role", "What brings you here", ""),
        ("name", "Name", name),
        ("email", "E-mail", email),
        ("password", "Password", ""),
    ])
}

fn with_next(path: &str, next: &str) -> String {
    match serde_urlencoded::to_string([("next", next)]) {
        Ok(query) if !next.is_empty() => format!("{path}?{query}"),
        _ => path.to_owned(),
    }
}

/// The page of the visitor's account: `GET /account`.
#[derive(Template)]
#[template(path = "account/account.html")]
pub struct AccountPage {
    layout: Layout,
    name: String,
    email: String,
    here_to: &'static str,
    since: Moment,
}

impl AccountPage {
    /// The page of this account.
    #[must_use]
    pub fn new(layout: Layout, account: &Account, is_staff: bool) -> Self {
        Self {
            layout,
            name: account.name.clone(),
            email: account.email.as_str().to_owned(),
            here_to: if is_staff { "sell" } else { "buy" },
            since: Moment::day(account.created_at, chrono_tz::UTC),
        }
    }
}
