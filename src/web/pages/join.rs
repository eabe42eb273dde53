//! `POST /deals/{deal}/join`: joining through the form on the deal's page.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::context::Context;
use super::deal::{deal_page, visible_deal};
use super::error::PageError;
use super::render;
use super::response::see_other;
use super::signup::PendingJoin;
use super::view::Notice;
use super::view::join::{JoinAttempt, busy, incomplete, invalid_units, refused};
use crate::domain::{DealId, IdempotencyKey, JoinOutcome, JoinRequest, Refusal, Units};
use crate::limits::Limit;
use crate::web::request::CsrfForm;

/// `Retry-After` when every free place is held.
const PLACES_HELD_RETRY_S: u32 = 2;

/// The join form's fields.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct JoinForm {
    units: String,
    idempotency_key: String,
}

/// The response to an attempt that failed.
struct Refused {
    status: StatusCode,
    notice: Notice,
    /// The values for the form. With none, the form gets a new key, because this key can never succeed.
    attempt: Option<JoinAttempt>,
    retry_after_s: Option<u32>,
}

/// `POST /deals/{deal}/join`
pub async fn join(
    context: Context,
    path: web::Path<String>,
    CsrfForm(form): CsrfForm<JoinForm>,
) -> Result<HttpResponse, PageError> {
    let buyer = context.buyer()?.account;
    let deal: DealId = path.parse().map_err(|_| context.not_found())?;
    // A 503 does not count against rate limits.
    let turned_away = context.app.engine.turn_away(deal, buyer);
    if turned_away.is_none() {
        context
            .within([Limit::JoinsFrom(context.client()), Limit::JoinsOf(buyer), Limit::JoinsIn(buyer, deal)])
            .await?;
    }
    let (key, units) = match parse(&form) {
        Ok(parsed) => parsed,
        Err(refused) => return respond(&context, deal, *refused).await,
    };
    let attempt = JoinAttempt { key: key.as_str().to_owned(), units: units.get() };
    let outcome = match turned_away {
        Some(busy) => busy,
        None => context.app.engine.join(JoinRequest::new(deal, buyer, units, &key)).await,
    };
    let refused = match outcome {
        JoinOutcome::Joined(joined) => return Ok(see_other(&format!("/signups/{}", joined.id))),
        JoinOutcome::Pending(signup) => return Ok(see_other(&PendingJoin::new(deal, attempt).url(signup))),
        JoinOutcome::NoSuchDeal => return Err(context.not_found()),
        JoinOutcome::Broken => return Err(PageError::broken()),
        // The held places may have been recorded since Redis answered. Then the deal is sold out for good.
        JoinOutcome::Refused(Refusal::PlacesHeld) if visible_deal(&context, deal).await?.progress.sold_out() => {
            because(Refusal::SoldOut, attempt)
        }
        JoinOutcome::Refused(refusal) => because(refusal, attempt),
        JoinOutcome::Busy { retry_after_s } => {
            retry_later(StatusCode::SERVICE_UNAVAILABLE, busy(retry_after_s), attempt, retry_after_s)
        }
    };
    respond(&context, deal, refused).await
}

fn parse(form: &JoinForm) -> Result<(IdempotencyKey, Units), Box<Refused>> {
    let invalid = |status, notice, attempt| Box::new(Refused { status, notice, attempt, retry_after_s: None });
    let Ok(key) = IdempotencyKey::parse(&form.idempotency_key) else {
        return Err(invalid(StatusCode::BAD_REQUEST, incomplete(), None));
    };
    let Some(units) = form.units.trim().parse().ok().and_then(|units| Units::new(units).ok()) else {
        let attempt = Some(JoinAttempt { key: key.as_str().to_owned(), units: 1 });
        return Err(invalid(StatusCode::UNPROCESSABLE_ENTITY, invalid_units(), attempt));
    };
    Ok((key, units))
}

fn because(refusal: Refusal, attempt: JoinAttempt) -> Refused {
    let notice = refused(refusal);
    match refusal {
        Refusal::KeyReused => {
            Refused { status: StatusCode::UNPROCESSABLE_ENTITY, notice, attempt: None, retry_after_s: None }
        }
        Refusal::PlacesHeld => retry_later(StatusCode::CONFLICT, notice, attempt, PLACES_HELD_RETRY_S),
        _ => Refused { status: StatusCode::CONFLICT, notice, attempt: Some(attempt), retry_after_s: None },
    }
}

fn retry_later(status: StatusCode, notice: Notice, attempt: JoinAttempt, retry_after_s: u32) -> Refused {
    Refused { status, notice, attempt: Some(attempt), retry_after_s: Some(retry_after_s) }
}

/// The deal's page, with the submitted values and the notice.
async fn respond(context: &Context, deal: DealId, refused: Refused) -> Result<HttpResponse, PageError> {
    let Refused { status, notice, attempt, retry_after_s } = refused;
    let deal = visible_deal(context, deal).await?;
    let page = deal_page(context, &deal, attempt, Some(notice)).await?;
    match retry_after_s {
        Some(seconds) => render::retry_page(status, &page, seconds),
        None => render::page(status, &page),
    }
}
