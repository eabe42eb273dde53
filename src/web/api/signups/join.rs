//! `POST /deals/{id}/signups`: joining a deal.
//!
//! When the node has seen the token lately, nothing in here waits for anything but the engine. Nothing is committed in here
//! either: a client that resets its connection drops this future half-way.

use actix_web::http::Method;
use actix_web::http::header::{HeaderName, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{PendingSignup, pending};
use crate::App;
use crate::domain::{DealId, Figures, JoinOutcome, JoinRequest, Joined, Refusal, SignupId, SignupState, Units};
use crate::engine::Place;
use crate::limits::Limit;
use crate::web::error::Code;
use crate::web::extract::{Body, Buyer, ComesFrom, Id, IdempotencyHeader, needs};
use crate::web::problem::{Extra, Problem};
use crate::web::routes::API;

/// Says that an earlier request with this key had the same effect.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Places that are held are free again, or taken, as soon as the joins before this one are recorded.
const PLACES_HELD_RETRY_S: u32 = 1;

/// How many coupons are wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"units": 2}))]
pub struct Join {
    /// 1 up to what the deal lets one buyer have.
    #[schema(minimum = 1, maximum = 1000)]
    units: i64,
}

/// A signup that was just made, and the deal after it.
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
    /// The deal's buyers right after it: "you are buyer 7".
    number: u32,
    state: SignupState,
    /// The deal's figures of now.
    progress: Figures,
}

/// A place for a request to join a deal, for as long as somebody is asked who sends it. None for another request, which is not
/// routed yet.
///
/// # Errors
/// There is no room.
pub fn keep_place(app: &App, request: &HttpRequest) -> Result<Option<Place>, Problem> {
    let deal = || {
        let path = request.path().strip_prefix(API)?.strip_prefix("/deals/")?.strip_suffix("/signups")?;
        path.parse().ok().filter(|_| request.method() == Method::POST)
    };
    match deal().map(|deal| app.engine.keep_place(deal)) {
        None => Ok(None),
        Some(Ok(place)) => Ok(Some(place)),
        Some(Err(busy)) => answer(busy).map(|_| None),
    }
}

/// `POST /deals/{id}/signups`
#[utoipa::path(
    post, path = "/deals/{id}/signups", tag = "joining", operation_id = "join_deal",
    summary = "Join a deal",
    description = "The answer 201 is final: the signup is recorded. Repeating a request with its key is safe at any time: it has the \
                   same effect once, and answers the same signup, with `state` and `progress` of now. A refusal is not remembered: \
                   the same key may succeed later. After leaving, joining again takes a new key.",
    params(
        ("id" = uuid::Uuid, Path, description = "The deal's id."),
        ("Idempotency-Key" = String, Header, description = "Your name for this request: 1 to 255 visible ASCII characters, such as a new UUID.", min_length = 1, max_length = 255),
    ),
    request_body = Join,
    responses(
        (
            status = 201, description = "You joined.", body = JoinedDeal,
            headers(
                ("Location" = String, description = "Where the signup is."),
                ("Idempotency-Replayed" = Option<String>, description = "`true` if an earlier request with this key made it."),
            ),
        ),
        (
            status = 202, description = "It takes long. Repeat the request with its key to learn the outcome.", body = PendingSignup,
            headers(("Retry-After" = u32, description = "Seconds."), ("Location" = String, description = "Where the signup will be.")),
        ),
    ),
    security(("token" = ["join"]), ("session" = [])),
    extensions(
        ("x-role" = json!("buyer")),
        ("x-problems" = json!([
            "key_missing", "no_such_deal", "sold_out", "not_enough_left", "places_held", "buyer_limit", "not_open", "closed",
            "key_reused", "busy",
        ])),
    ),
)]
pub async fn join(
    app: web::Data<App>,
    buyer: Buyer<needs::Join>,
    from: ComesFrom,
    deal: Id<DealId>,
    key: IdempotencyHeader,
    body: Body,
) -> Result<HttpResponse, Problem> {
    // First of all, whatever comes of it: an answer before the body was read would close the connection.
    let join: Join = body.json().await?;
    let units = Units::new(join.units)?;
    // Who is turned away has used up nothing.
    if let Some(busy) = app.engine.turn_away(deal.0, buyer.account) {
        return answer(busy);
    }
    app.limits.take(Limit::JoinsFrom(from.0)).await?;
    app.limits.take(Limit::JoinsOf(buyer.account)).await?;
    app.limits.take(Limit::JoinsIn(buyer.account, deal.0)).await?;
    answer(app.engine.join(JoinRequest::new(deal.0, buyer.account, units, &key.0)).await)
}

fn answer(outcome: JoinOutcome) -> Result<HttpResponse, Problem> {
    match outcome {
        JoinOutcome::Joined(joined) => Ok(created(&joined)),
        JoinOutcome::Refused(refusal) => Err(refusal.into()),
        JoinOutcome::Pending(id) => {
            let mut later = pending(id);
            later.headers_mut().insert(LOCATION, location(id)?);
            Ok(later)
        }
        JoinOutcome::Busy { retry_after_s } => Err(Problem::new(Code::Busy).retry_after(retry_after_s)),
        JoinOutcome::TooMany { retry_after_s } => Err(Problem::new(Code::TooManyRequests).retry_after(retry_after_s)),
        JoinOutcome::NoSuchDeal => Err(Problem::new(Code::NoSuchDeal)),
        JoinOutcome::Broken => Err(Problem::new(Code::Internal)),
    }
}

fn created(joined: &Joined) -> HttpResponse {
    let mut answer = HttpResponse::Created();
    answer.insert_header((LOCATION, format!("/api/v1/signups/{}", joined.id)));
    if joined.replayed {
        answer.insert_header((REPLAYED, "true"));
    }
    answer.json(JoinedDeal {
        id: joined.id,
        deal: joined.deal,
        units: joined.units,
        number: joined.number,
        state: joined.state,
        progress: Figures::from(&joined.progress),
    })
}

fn location(id: SignupId) -> Result<actix_web::http::header::HeaderValue, Problem> {
    format!("/api/v1/signups/{id}").parse().map_err(|_| Problem::new(Code::Internal))
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::SoldOut => Self::new(Code::SoldOut),
            Refusal::NotEnoughLeft { available } => Self::new(Code::NotEnoughLeft)
                .detail(match available {
                    0 => "Nothing may be taken now: what is left is for the buyers who are still needed.".to_owned(),
                    n => format!("Ask for at most {n}."),
                })
                .extra(Extra { available: Some(available), ..Extra::default() }),
            Refusal::PlacesHeld => Self::new(Code::PlacesHeld).retry_after(PLACES_HELD_RETRY_S),
            Refusal::BuyerLimit { max } => Self::new(Code::BuyerLimit)
                .detail(format!("One buyer may have at most {max}: all your signups in this deal count together."))
                .extra(Extra { max: Some(max), ..Extra::default() }),
            Refusal::NotOpen => Self::new(Code::NotOpen),
            Refusal::Closed => Self::new(Code::Closed),
            Refusal::KeyReused => Self::new(Code::KeyReused).detail(
                "This key named a request for another number of units. Repeat that one unchanged, or send a new key.",
            ),
        }
    }
}
