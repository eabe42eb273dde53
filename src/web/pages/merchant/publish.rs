//! `POST /merchant/deals/{deal}/publish`: publishing a draft.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::console::console_page;
use super::own_deal;
use crate::engine::PublishOutcome;
use crate::limits::Limit;
use crate::web::page::Notice;
use crate::web::page::PageError;
use crate::web::page::context::{Context, PageQuery};
use crate::web::page::render;
use crate::web::page::see_other;
use crate::web::pages::view::merchant::ConsoleParts;

/// `POST /merchant/deals/{deal}/publish`
pub async fn publish(context: Context, path: web::Path<String>) -> Result<HttpResponse, PageError> {
    let deal = own_deal(&context, &path).await?;
    context.within([Limit::WritesOf(context.merchant()?.account)]).await?;
    match context.app.engine.publish(deal.merchant, deal.id).await? {
        // A second publish is a double click or a form that was sent again, and has no further effect.
        PublishOutcome::Published(_) | PublishOutcome::NotDraft => {
            Ok(see_other(&format!("/merchant/deals/{}", deal.id)))
        }
        PublishOutcome::NoSuchDeal => Err(context.not_found()),
        PublishOutcome::WindowOver => {
            let notice = Notice::problem(
                "It would be over at once",
                "The time at which this deal closes has passed. Edit it, choose a later one, and publish again.",
            );
            let parts = ConsoleParts { notice: Some(notice), ..ConsoleParts::default() };
            let page = console_page(&context, &deal, &PageQuery::default(), parts).await?;
            render::page(StatusCode::CONFLICT, &page)
        }
    }
}
