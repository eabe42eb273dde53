//! `POST /sign-out`

use actix_web::HttpResponse;
use serde::Deserialize;

use super::context::Context;
use super::error::PageError;
use super::render;
use super::typed::Typed;
use crate::web::session;

/// The form has nothing but its token.
#[derive(Debug, Deserialize)]
pub struct SignOutForm {}

/// `POST /sign-out`: ends the session here and everywhere it was copied to.
pub async fn sign_out(context: Context, _: Typed<SignOutForm>) -> Result<HttpResponse, PageError> {
    if let Some(session) = context.caller.session {
        context.app.auth.end_session(session).await?;
    }
    let removal = session::removal(context.app.config.server.base_url.is_https());
    let mut response = render::see_other("/");
    response.add_cookie(&removal).map_err(|_| PageError::broken())?;
    Ok(response)
}
