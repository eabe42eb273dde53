//! `POST /merchant/deals/{deal}/withdraw`: taking a deal down, with a reason that buyers read.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::console::console_page;
use super::own_deal;
use crate::domain::deal::parse_withdrawal_reason;
use crate::engine::WithdrawOutcome;
use crate::limits::Limit;
use crate::web::pages::context::{Context, PageQuery};
use crate::web::pages::error::PageError;
use crate::web::pages::render;
use crate::web::pages::typed::Typed;
use crate::web::pages::view::Said;
use crate::web::pages::view::merchant::{ConsoleParts, withdraw_form};

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct WithdrawForm {
    reason: String,
}

/// `POST /merchant/deals/{deal}/withdraw`
pub async fn withdraw(
    context: Context,
    path: web::Path<String>,
    Typed(form): Typed<WithdrawForm>,
) -> Result<HttpResponse, PageError> {
    let deal = own_deal(&context, &path).await?;
    context.within([Limit::WritesOf(deal.merchant)]).await?;
    let (status, parts) = match parse_withdrawal_reason(&form.reason) {
        Err(problem) => {
            let withdrawing = Some(withdraw_form(&form.reason).with_problems(&[problem]));
            (StatusCode::UNPROCESSABLE_ENTITY, ConsoleParts { withdrawing, ..ConsoleParts::default() })
        }
        Ok(reason) => match context.app.engine.withdraw(deal.merchant, deal.id, &reason).await? {
            WithdrawOutcome::Withdrawn(_) => {
                return Ok(render::see_other(&format!("/merchant/deals/{}", deal.id)));
            }
            WithdrawOutcome::NoSuchDeal => return Err(context.not_found()),
            WithdrawOutcome::Ended => {
                let notice = Some(Said::problem("This deal has ended", "An ended deal stays as it is."));
                (StatusCode::CONFLICT, ConsoleParts { notice, ..ConsoleParts::default() })
            }
        },
    };
    let page = console_page(&context, &deal, &PageQuery::default(), parts).await?;
    render::page(status, &page)
}
