//! `POST /merchant/deals/{deal}/withdraw`: withdrawing a deal, with a reason that buyers read.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::console::console_page;
use super::own_deal;
use crate::domain::deal::parse_withdrawal_reason;
use crate::engine::WithdrawOutcome;
use crate::limits::Limit;
use crate::web::page::Notice;
use crate::web::page::PageError;
use crate::web::page::context::{Context, PageQuery};
use crate::web::page::render;
use crate::web::page::see_other;
use crate::web::pages::view::merchant::{ConsoleParts, withdraw_form};
use crate::web::request::CsrfForm;

/// The withdrawal form's fields.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct WithdrawForm {
    reason: String,
}

/// `POST /merchant/deals/{deal}/withdraw`
pub async fn withdraw(
    context: Context,
    path: web::Path<String>,
    CsrfForm(form): CsrfForm<WithdrawForm>,
) -> Result<HttpResponse, PageError> {
    let deal = own_deal(&context, &path).await?;
    context.within([Limit::WritesOf(context.merchant()?.account)]).await?;
    let (status, parts) = match parse_withdrawal_reason(&form.reason) {
        Err(problem) => {
            let withdraw_form = Some(withdraw_form(&form.reason).with_problems(&[problem]));
            (StatusCode::UNPROCESSABLE_ENTITY, ConsoleParts { withdraw_form, ..ConsoleParts::default() })
        }
        Ok(reason) => match context.app.engine.withdraw(deal.merchant, deal.id, &reason).await? {
            WithdrawOutcome::Withdrawn(_) => {
                return Ok(see_other(&format!("/merchant/deals/{}", deal.id)));
            }
            WithdrawOutcome::NoSuchDeal => return Err(context.not_found()),
            WithdrawOutcome::Ended => {
                let notice = Some(Notice::problem("This deal has ended", "An ended deal stays as it is."));
                (StatusCode::CONFLICT, ConsoleParts { notice, ..ConsoleParts::default() })
            }
        },
    };
    let page = console_page(&context, &deal, &PageQuery::default(), parts).await?;
    render::page(status, &page)
}
