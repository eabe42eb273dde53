//! `POST /deals/{id}/signups`: joins a deal.
//!
//! With a cached token, the handler waits only for the engine and shared rate limits, and for Postgres if the caller is
//! staff of a merchant. The handler commits nothing itself: actix drops the handler's future when the client resets its
//! connection.

use actix_web::http::header::LOCATION;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{PendingSignup, pending};
use crate::App;
use crate::domain::{DealId, Figures, JoinOutcome, Joined, SignupId, SignupState, Units};
use crate::web::join::{self, Answer};
use crate::web::paths;
use crate::web::problem::{Code, Problem};
use crate::web::request::{Body, Buyer, ClientNetwork, Id, IdempotencyHeader, REPLAYED, ReservedSlot, needs};

/// A request to join a deal.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"units": 2}))]
pub struct Join {
    /// The number of units, each of which is one coupon: from 1 to the deal's `per_buyer_max`.
    #[schema(minimum = 1, maximum = 1000)]
    units: i64,
}

/// A new signup, and the deal's figures after it.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0b6c1e2a-8f3d-8a4b-9c5d-6e7f8a9b0c1d", "deal": "0197f3b0-5c1e-7c3a-9d2b-1f0a6e4c8b5d", "units": 2, "number": 7,
    "state": "active",
    "progress": {
        "epoch": 1, "rev": 42, "state": "open", "buyers": 7, "needed": 3, "tipping_point": 10, "units": 9, "left": 91,
        "cap": 100, "closes_at": "2026-12-01T12:00:00Z",
    },
}))]
pub struct JoinedDeal {
    #[schema(value_type = uuid::Uuid)]
    id: SignupId,
    #[schema(value_type = uuid::Uuid)]
    deal: DealId,
    units: u32,
    /// The deal's number of buyers right after this signup: "you are buyer 7".
    number: u32,
    state: SignupState,
    /// The deal's current figures.
    progress: Figures,
}

/// `POST /deals/{id}/signups`
#[utoipa::path(
    post, path = "/deals/{id}/signups", tag = "joining", operation_id = "join_deal",
    summary = "Join a deal",
    description = "A 201 means that the signup is durably recorded. Retrying with the same key is always safe: the request takes \
                   effect once, and every retry answers with the same signup and its current `state` and `progress`. A refusal is not \
                   stored, so the same key can succeed later. To join again after leaving, use a new key.",
    params(
        ("id" = uuid::Uuid, Path, description = "The deal's id."),
        ("Idempotency-Key" = String, Header, description = "A unique key for this request: 1 to 255 visible ASCII characters, such as a new UUID.", min_length = 1, max_length = 255),
    ),
    request_body = Join,
    responses(
        (
            status = 201, description = "The signup.", body = JoinedDeal,
            headers(
                ("Location" = String, description = "The signup's URL."),
                ("Idempotency-Replayed" = Option<String>, description = "`true` if an earlier request with this key created the signup."),
            ),
        ),
        (
            status = 202, description = "The signup is still being recorded. Repeat the request with its key to learn the outcome.", body = PendingSignup,
            headers(("Retry-After" = u32, description = "When to repeat the request, in seconds."), ("Location" = String, description = "The URL that the signup will have.")),
        ),
    ),
    security(("token" = ["join"]), ("session" = [])),
    extensions(
        ("x-problems" = json!([
            "key_missing", "no_such_deal", "sold_out", "not_enough_left", "places_held", "buyer_limit", "not_open", "closed",
            "key_reused", "own_deal", "busy",
        ])),
    ),
)]
pub async fn join(
    app: web::Data<App>,
    buyer: Buyer<needs::Join>,
    client: ClientNetwork,
    deal: Id<DealId>,
    key: Result<IdempotencyHeader, Problem>,
    body: Body,
    reservation: ReservedSlot,
) -> Result<HttpResponse, Problem> {
    let body = body.json::<Join>().await;
    let input = key.and_then(|key| Ok((Units::new(body?.units)?, key.0)));
    respond(join::join(&app, reservation, deal.0, &buyer, client.0, input).await)
}

fn respond(answer: Answer<Problem>) -> Result<HttpResponse, Problem> {
    let retry_after_s = answer.retry_after_s();
    let problem = match answer {
        Answer::Invalid(problem) => problem,
        Answer::Limited(limited) => limited.into(),
        Answer::Failed(error) => error.into(),
        Answer::Outcome(outcome) => match outcome {
            JoinOutcome::Joined(joined) => return Ok(created(&joined)),
            JoinOutcome::Pending(id) => {
                let mut response = pending(id);
                response.headers_mut().insert(LOCATION, location(id)?);
                return Ok(response);
            }
            JoinOutcome::Refused(refusal) => refusal.into(),
            JoinOutcome::Busy { .. } => Problem::new(Code::Busy),
            JoinOutcome::NoSuchDeal => Problem::new(Code::NoSuchDeal),
            JoinOutcome::Broken => Problem::new(Code::Internal),
        },
    };
    Err(match retry_after_s {
        Some(seconds) => problem.retry_after(seconds),
        None => problem,
    })
}

fn created(joined: &Joined) -> HttpResponse {
    let mut response = HttpResponse::Created();
    response.insert_header((LOCATION, paths::signup(joined.id)));
    if joined.replayed {
        response.insert_header((REPLAYED, "true"));
    }
    response.json(JoinedDeal {
        id: joined.id,
        deal: joined.deal,
        units: joined.units,
        number: joined.number,
        state: joined.state,
        progress: Figures::from(&joined.progress),
    })
}

fn location(id: SignupId) -> Result<actix_web::http::header::HeaderValue, Problem> {
    paths::signup(id).parse().map_err(|_| Problem::new(Code::Internal))
}
