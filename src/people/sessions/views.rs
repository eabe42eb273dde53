//! The page for signing in.

use askama::Template;

use crate::web::page::{Form, Layout, with_next};

/// The sign-in page: `GET /sign-in`.
#[derive(Template)]
#[template(path = "people/templates/sign_in.html")]
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
