//! `POST /signups/{signup}/leave`: leaving a deal before it tips.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::signup::signup_page;
use super::view::signup::leave_failed;
use crate::domain::{LeaveOutcome, SignupId};
use crate::limits::Limit;
use crate::web::page::Context;
use crate::web::page::PageError;
use crate::web::page::render;
use crate::web::page::see_other;

/// `POST /signups/{signup}/leave`
pub async fn leave(context: Context, path: web::Path<String>) -> Result<HttpResponse, PageError> {
    let buyer = context.buyer()?.account;
    let id: SignupId = path.parse().map_err(|_| context.not_found())?;
    context.within([Limit::JoinsFrom(context.client()), Limit::JoinsOf(buyer)]).await?;
    let outcome = context.app.engine.leave(buyer, id).await;
    let Some(notice) = leave_failed(outcome) else {
        return match outcome {
            LeaveOutcome::NoSuchSignup => Err(context.not_found()),
            _ => Ok(see_other(&format!("/signups/{id}"))),
        };
    };
    let signup = context.app.store.signup(buyer, id).await?.ok_or_else(|| context.not_found())?;
    let page = signup_page(&context, &signup, Some(notice)).await?;
    match outcome {
        LeaveOutcome::Busy { retry_after_s } => {
            render::retry_page(StatusCode::SERVICE_UNAVAILABLE, &page, retry_after_s)
        }
        LeaveOutcome::Broken => render::page(StatusCode::INTERNAL_SERVER_ERROR, &page),
        _ => render::page(StatusCode::CONFLICT, &page),
    }
}
