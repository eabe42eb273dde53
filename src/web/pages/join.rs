//! `POST /deals/{deal}/join`: joining through the form on the deal's page.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::deal::{deal_page, visible_deal};
use super::signup::PendingJoin;
use super::view::join::{JoinAttempt, busy, incomplete, invalid_units, refused};
use crate::domain::{DealId, IdempotencyKey, JoinOutcome, Refusal, Units};
use crate::web::join::{self, Answer};
use crate::web::page::Notice;
use crate::web::page::PageError;
use crate::web::page::context::{Context, fresh_key};
use crate::web::page::render;
use crate::web::page::see_other;
use crate::web::request::{CsrfForm, ReservedSlot};

/// The join form's fields.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct JoinForm {
    units: String,
    idempotency_key: String,
}

/// Why the form's fields are not a request to join.
enum Invalid {
    Key,
    Units,
}

/// The response to an attempt that failed.
struct Refused {
    status: StatusCode,
    notice: Notice,
    /// The values for the form. `None` gives the form a new key, because this key can never succeed.
    attempt: Option<JoinAttempt>,
    retry_after_s: Option<u32>,
}

/// `POST /deals/{deal}/join`
pub async fn join(
    context: Context,
    path: web::Path<String>,
    CsrfForm(form): CsrfForm<JoinForm>,
    reservation: ReservedSlot,
) -> Result<HttpResponse, PageError> {
    let buyer = context.buyer()?;
    let deal: DealId = path.parse().map_err(|_| context.not_found())?;
    let (attempt, input) = parse(&form);
    let answer = join::join(&context.app, reservation, deal, buyer, context.client(), input).await;
    let retry_after_s = answer.retry_after_s();
    let refused = match answer {
        Answer::Limited(limited) => return Err(PageError::too_many(context.layout(), limited.retry_after_s)),
        Answer::Failed(error) => return Err(error.into()),
        Answer::Invalid(Invalid::Key) => refuse(StatusCode::BAD_REQUEST, incomplete(), None),
        Answer::Invalid(Invalid::Units) => refuse(StatusCode::UNPROCESSABLE_ENTITY, invalid_units(), Some(attempt)),
        Answer::Outcome(outcome) => match outcome {
            JoinOutcome::Joined(joined) => return Ok(see_other(&format!("/signups/{}", joined.id))),
            JoinOutcome::Pending(signup) => return Ok(see_other(&PendingJoin::new(deal, attempt).url(signup))),
            JoinOutcome::NoSuchDeal => return Err(context.not_found()),
            JoinOutcome::Broken => return Err(PageError::broken()),
            // Joins that held the last units may have been recorded by now. The notice must agree with the figures on
            // the page.
            JoinOutcome::Refused(Refusal::PlacesHeld) if visible_deal(&context, deal).await?.progress.sold_out() => {
                because(Refusal::SoldOut, attempt)
            }
            JoinOutcome::Refused(refusal) => Refused { retry_after_s, ..because(refusal, attempt) },
            JoinOutcome::Busy { retry_after_s: seconds } => {
                let refused = refuse(StatusCode::SERVICE_UNAVAILABLE, busy(seconds), Some(attempt));
                Refused { retry_after_s, ..refused }
            }
        },
    };
    respond(&context, deal, refused).await
}

/// The form's values for the next attempt, corrected if invalid, and the request that the form makes.
fn parse(form: &JoinForm) -> (JoinAttempt, Result<(Units, IdempotencyKey), Invalid>) {
    let key = IdempotencyKey::parse(&form.idempotency_key).ok();
    let units = form.units.trim().parse().ok().and_then(|units| Units::new(units).ok());
    let attempt = JoinAttempt {
        key: key.as_ref().map_or_else(fresh_key, |key| key.as_str().to_owned()),
        units: units.map_or(1, Units::get),
    };
    let input = key.ok_or(Invalid::Key).and_then(|key| Ok((units.ok_or(Invalid::Units)?, key)));
    (attempt, input)
}

fn refuse(status: StatusCode, notice: Notice, attempt: Option<JoinAttempt>) -> Refused {
    Refused { status, notice, attempt, retry_after_s: None }
}

fn because(refusal: Refusal, attempt: JoinAttempt) -> Refused {
    let (status, attempt) = match refusal {
        Refusal::KeyReused => (StatusCode::UNPROCESSABLE_ENTITY, None),
        _ => (StatusCode::CONFLICT, Some(attempt)),
    };
    refuse(status, refused(refusal), attempt)
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
