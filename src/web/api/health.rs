//! `/healthz` and `/readyz`: health probes for load balancers and process managers.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use crate::App;
use crate::app::shutdown::Shutdown;
use crate::web::problem::{Code, Problem};

/// How long Postgres may take to answer the probe.
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// `Retry-After` of a node that is not ready.
const RETRY_S: u32 = 5;

/// The health of the server.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"status": "ok", "redis": "online"}))]
pub struct Health {
    /// Always `ok`. Otherwise the response is a problem.
    #[schema(value_type = String)]
    status: &'static str,
    /// `online` or `away`. Without Redis joins continue at a lower rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    redis: Option<&'static str>,
}

/// `GET /healthz`: the process answers. The probe checks nothing else, so that a database outage does not restart
/// nodes.
#[utoipa::path(
    get, path = "/healthz", tag = "operations", operation_id = "is_alive",
    summary = "Is the process alive?",
    responses((status = 200, description = "The process is alive.", body = Health)),
)]
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok", redis: None })
}

/// `GET /readyz`: Postgres answers and the node is not shutting down. A node without Redis is ready.
#[utoipa::path(
    get, path = "/readyz", tag = "operations", operation_id = "is_ready",
    summary = "Is the server ready for requests?",
    description = "Ready means that Postgres answers and the process is not shutting down.",
    responses((status = 200, description = "The server is ready.", body = Health)),
    extensions(("x-problems" = json!(["busy", "unavailable"]))),
)]
pub async fn ready(app: web::Data<App>, shutdown: web::Data<Shutdown>) -> Result<HttpResponse, Problem> {
    if shutdown.has_begun() {
        let detail = "This server is shutting down: send requests to another one.";
        return Err(Problem::new(Code::Busy).detail(detail).retry_after(RETRY_S));
    }
    match tokio::time::timeout(PING_TIMEOUT, app.store.ping()).await {
        Ok(Ok(now)) => {
            app.clock.correct(now);
            let redis = if app.engine.admits() { "online" } else { "away" };
            Ok(HttpResponse::Ok().json(Health { status: "ok", redis: Some(redis) }))
        }
        Ok(Err(error)) => Err(error.into()),
        Err(_elapsed) => Err(Problem::new(Code::Unavailable).retry_after(RETRY_S)),
    }
}
