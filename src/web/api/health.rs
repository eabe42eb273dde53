//! `/healthz` and `/readyz`: for whoever starts, stops and balances nodes.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::shutdown::Shutdown;
use crate::web::error::Code;
use crate::web::problem::Problem;

/// How long Postgres may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(2);
/// When a balancer should look again.
const LOOK_AGAIN_S: u32 = 5;

/// Whether the node is well.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"status": "ok", "redis": "online"}))]
pub struct Health {
    /// Always `ok`: else the answer is a problem.
    #[schema(value_type = String)]
    status: &'static str,
    /// Whether Redis takes part; without it joins go on, fewer at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    redis: Option<&'static str>,
}

/// `GET /healthz`: the process answers. Nothing else is asked, so that a database that is away does not get nodes restarted.
#[utoipa::path(
    get, path = "/healthz", tag = "operations", operation_id = "is_alive",
    summary = "Is the process alive?",
    responses((status = 200, description = "It is.", body = Health)),
)]
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok", redis: None })
}

/// `GET /readyz`: Postgres answers and the node is not ending: send requests. Without Redis it is ready, too.
#[utoipa::path(
    get, path = "/readyz", tag = "operations", operation_id = "is_ready",
    summary = "Should it get requests?",
    description = "Postgres answers, and the process is not ending.",
    responses((status = 200, description = "It should.", body = Health)),
    extensions(("x-problems" = json!(["busy", "unavailable"]))),
)]
pub async fn ready(app: web::Data<App>, shutdown: web::Data<Shutdown>) -> Result<HttpResponse, Problem> {
    if shutdown.has_begun() {
        return Err(Problem::new(Code::Busy).detail("This node is ending: ask another.").retry_after(LOOK_AGAIN_S));
    }
    match tokio::time::timeout(PATIENCE, app.store.ping()).await {
        Ok(Ok(now)) => {
            app.clock.correct(now);
            let redis = if app.engine.admits() { "online" } else { "away" };
            Ok(HttpResponse::Ok().json(Health { status: "ok", redis: Some(redis) }))
        }
        Ok(Err(error)) => Err(error.into()),
        Err(_too_late) => Err(Problem::new(Code::Unavailable).retry_after(LOOK_AGAIN_S)),
    }
}
