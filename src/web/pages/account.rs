//! `GET /account`: who one is here.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::context::Context;
use super::error::PageError;
use super::render;
use super::view::entry::AccountPage;

/// `GET /account`
pub async fn account(context: Context) -> Result<HttpResponse, PageError> {
    let id = context.somebody()?.account;
    let account = context.app.store.account(id).await?.ok_or_else(|| context.not_found())?;
    render::secret_page(StatusCode::OK, &AccountPage::new(context.shell(), &account))
}
