//! `GET /account`: the visitor's own account.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use crate::people::accounts::views::AccountPage;
use crate::web::page::Context;
use crate::web::page::PageError;
use crate::web::page::render;

/// `GET /account`
pub async fn account(context: Context) -> Result<HttpResponse, PageError> {
    let identity = context.signed_in()?;
    let account = context.app.store.account(identity.account).await?.ok_or_else(|| context.not_found())?;
    render::secret_page(StatusCode::OK, &AccountPage::new(context.layout(), &account, !identity.staff_of.is_empty()))
}
