//! `GET /live`: a WebSocket on the figures of some deals.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::domain::{DealId, FieldProblem};
use crate::live::{self, FanOut, Refusal};
use crate::web::error::Code;
use crate::web::extract::{Caller, Query, parse_id};
use crate::web::problem::Problem;

/// `GET /live`
#[utoipa::path(
    get, path = "/live", tag = "deals", operation_id = "watch_deals",
    summary = "Watch deals",
    description = "Becomes a WebSocket. It sends each deal's figures at once, then whenever they change, at most ten times a second \
                   and always the latest: `{\"type\":\"progress\",\"deal\":\"…\",\"epoch\":1,\"rev\":42,\"state\":\"open\",\"buyers\":17,\
                   \"needed\":3,\"units\":20,\"left\":80,\"closes_at\":\"…\",\"server_time\":\"…\"}`. Keep what has the newest \
                   `(epoch, rev)`. After a lost connection open it again, waiting longer each time, with chance.",
    params(("deal" = Vec<uuid::Uuid>, Query, description = "Which deals: once for each, at most 32.", explode, style = Form)),
    responses((status = 101, description = "From now on it is a WebSocket.")),
    extensions(("x-problems" = json!(["upgrade_needed", "wrong_origin", "too_many_sockets", "busy"]))),
)]
pub async fn watch(
    fan_out: web::Data<FanOut>,
    caller: Caller,
    mut query: Query,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let deals = query.values("deal", |text| {
        let id = parse_id(text).map(DealId::from);
        id.ok_or_else(|| FieldProblem::new("deal", "bad_id", "Send the id of a deal, a UUID."))
    });
    query.end()?;
    Ok(live::upgrade(&request, payload, &fan_out, deals, caller.address)?)
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let problem = match refusal {
            Refusal::WrongOrigin => Self::new(Code::WrongOrigin),
            Refusal::NoDeal => Self::new(Code::BadQuery).errors(vec![FieldProblem::new(
                "deal",
                "required",
                "Name at least one deal: ?deal=ID.",
            )]),
            Refusal::TooManyDeals { max } => Self::new(Code::BadQuery).errors(vec![FieldProblem::new(
                "deal",
                "too_many",
                format!("Name at most {max} deals."),
            )]),
            Refusal::AddressFull => Self::new(Code::TooManySockets),
            Refusal::AddressTooFast => Self::new(Code::TooManySockets)
                .detail("This address opens live sockets too fast: wait a moment, then connect again."),
            Refusal::NodeBusy => Self::new(Code::Busy),
            Refusal::Draining => Self::new(Code::Busy).detail("This server is restarting: connect again."),
            Refusal::NotAWebSocket => Self::new(Code::UpgradeNeeded),
        };
        match refusal.retry_after_s() {
            Some(seconds) => problem.retry_after(seconds),
            None => problem,
        }
    }
}
