//! `GET /live`: opens a WebSocket with the live figures of deals.

use actix_web::{HttpRequest, HttpResponse, web};

use crate::domain::{DealId, FieldProblem, FieldProblemKind};
use crate::live::{self, FanOut};
use crate::web::problem::Problem;
use crate::web::request::{Caller, Query, parse_id};

/// `GET /live`
#[utoipa::path(
    get, path = "/live", tag = "deals", operation_id = "watch_deals",
    summary = "Watch deals",
    description = "Upgrades to a WebSocket. The server sends each deal's figures immediately, and again whenever they change. It skips \
                   intermediate figures of a deal that changes fast, but always sends the latest: \
                   `{\"type\":\"progress\",\"deal\":\"…\",\"epoch\":1,\"rev\":42,\"state\":\"open\",\"buyers\":17,\
                   \"needed\":3,\"units\":20,\"left\":80,\"closes_at\":\"…\",\"server_time\":\"…\"}`. Keep the frame with the \
                   highest `(epoch, rev)`. If the connection is lost, reconnect with exponential backoff and full jitter.",
    params(("deal" = Vec<uuid::Uuid>, Query, description = "The deals to watch: repeat the parameter for each.", explode, style = Form)),
    responses((status = 101, description = "The connection is now a WebSocket.")),
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
        id.ok_or_else(|| FieldProblem::new("deal", FieldProblemKind::NotALiveDealId))
    });
    query.end()?;
    Ok(live::upgrade(&request, payload, &fan_out, deals, caller.address)?)
}
