//! `POST /deals/{deal}/join`: the join form.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::context::Context;
use super::deal::{deal_page, visible_deal};
use super::error::PageError;
use super::render;
use super::signup::Sent;
use super::typed::Typed;
use super::view::Said;
use super::view::join::{Tried, busy, incomplete, refused, too_many, unreadable_units};
use crate::domain::{DealId, IdempotencyKey, JoinOutcome, JoinRequest, Refusal, Units};
use crate::limits::Limit;

/// After how many seconds a place that is held may have come back.
const HELD_RETRY_S: u32 = 2;

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct JoinForm {
    units: String,
    idempotency_key: String,
}

/// How a try is answered that did not end in a place.
struct Refused {
    status: StatusCode,
    said: Said,
    /// None: the form gets a new key, for this one can never succeed.
    tried: Option<Tried>,
    retry_after_s: Option<u32>,
}

/// `POST /deals/{deal}/join`
pub async fn join(
    context: Context,
    path: web::Path<String>,
    Typed(form): Typed<JoinForm>,
) -> Result<HttpResponse, PageError> {
    let buyer = context.buyer()?.account;
    let deal: DealId = path.parse().map_err(|_| context.not_found())?;
    // Who is turned away has used up nothing.
    let turned_away = context.app.engine.turn_away(deal, buyer);
    if turned_away.is_none() {
        context.within([Limit::JoinsFrom(context.from()), Limit::JoinsOf(buyer), Limit::JoinsIn(buyer, deal)]).await?;
    }
    let (key, units) = match read(&form) {
        Ok(read) => read,
        Err(refused) => return answer(&context, deal, *refused).await,
    };
    let tried = Tried { key: key.as_str().to_owned(), units: units.get() };
    let outcome = match turned_away {
        Some(busy) => busy,
        None => context.app.engine.join(JoinRequest::new(deal, buyer, units, &key)).await,
    };
    let refused = match outcome {
        JoinOutcome::Joined(joined) => return Ok(render::see_other(&format!("/signups/{}", joined.id))),
        JoinOutcome::Pending(signup) => return Ok(render::see_other(&Sent::new(deal, tried).address(signup))),
        JoinOutcome::NoSuchDeal => return Err(context.not_found()),
        JoinOutcome::Broken => return Err(PageError::broken()),
        // Places that were held when Redis was asked may be taken for good by the time that the page is made.
        JoinOutcome::Refused(Refusal::PlacesHeld) if visible_deal(&context, deal).await?.progress.sold_out() => {
            because(Refusal::SoldOut, tried)
        }
        JoinOutcome::Refused(refusal) => because(refusal, tried),
        JoinOutcome::Busy { retry_after_s } => {
            later(StatusCode::SERVICE_UNAVAILABLE, busy(retry_after_s), tried, retry_after_s)
        }
        JoinOutcome::TooMany { retry_after_s } => {
            later(StatusCode::TOO_MANY_REQUESTS, too_many(retry_after_s), tried, retry_after_s)
        }
    };
    answer(&context, deal, refused).await
}

fn read(form: &JoinForm) -> Result<(IdempotencyKey, Units), Box<Refused>> {
    let unreadable = |status, said, tried| Box::new(Refused { status, said, tried, retry_after_s: None });
    let Ok(key) = IdempotencyKey::parse(&form.idempotency_key) else {
        return Err(unreadable(StatusCode::BAD_REQUEST, incomplete(), None));
    };
    let Some(units) = form.units.trim().parse().ok().and_then(|units| Units::new(units).ok()) else {
        let tried = Some(Tried { key: key.as_str().to_owned(), units: 1 });
        return Err(unreadable(StatusCode::UNPROCESSABLE_ENTITY, unreadable_units(), tried));
    };
    Ok((key, units))
}

fn because(refusal: Refusal, tried: Tried) -> Refused {
    let said = refused(refusal);
    match refusal {
        Refusal::KeyReused => {
            Refused { status: StatusCode::UNPROCESSABLE_ENTITY, said, tried: None, retry_after_s: None }
        }
        Refusal::PlacesHeld => later(StatusCode::CONFLICT, said, tried, HELD_RETRY_S),
        _ => Refused { status: StatusCode::CONFLICT, said, tried: Some(tried), retry_after_s: None },
    }
}

fn later(status: StatusCode, said: Said, tried: Tried, retry_after_s: u32) -> Refused {
    Refused { status, said, tried: Some(tried), retry_after_s: Some(retry_after_s) }
}

/// The deal's page once more, with what was typed and why it did not work.
async fn answer(context: &Context, deal: DealId, refused: Refused) -> Result<HttpResponse, PageError> {
    let Refused { status, said, tried, retry_after_s } = refused;
    let deal = visible_deal(context, deal).await?;
    let page = deal_page(context, &deal, tried, Some(said)).await?;
    match retry_after_s {
        Some(seconds) => render::later_page(status, &page, seconds),
        None => render::page(status, &page),
    }
}
