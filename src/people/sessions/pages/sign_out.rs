//! `POST /sign-out`: signing out.

use actix_web::HttpResponse;
use serde::Deserialize;

use crate::web::page::Context;
use crate::web::page::PageError;
use crate::web::page::see_other;
use crate::web::request::CsrfForm;
use crate::web::request::session;

/// The sign-out form. Its only field is the CSRF token.
#[derive(Debug, Deserialize)]
pub struct SignOutForm {}

/// `POST /sign-out`: ends the session on the server, so that copies of the cookie stop working too.
pub async fn sign_out(context: Context, _: CsrfForm<SignOutForm>) -> Result<HttpResponse, PageError> {
    if let Some(session) = context.caller.session {
        context.app.auth.end_session(session).await?;
    }
    let removal = session::removal(context.app.config.server.base_url.is_https());
    let mut response = see_other("/");
    response.add_cookie(&removal).map_err(|_| PageError::broken())?;
    Ok(response)
}
