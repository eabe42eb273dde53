//! The pages for signing up, and of the account.

use askama::Template;

use super::rules::Account;
use crate::web::page::time::Moment;
use crate::web::page::{Form, Layout, with_next};

/// The sign-up page: `GET /sign-up`.
#[derive(Template)]
#[template(path = "people/templates/sign_up.html")]
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

/// The page of the visitor's account: `GET /account`.
#[derive(Template)]
#[template(path = "people/templates/account.html")]
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
