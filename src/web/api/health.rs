//! `/healthz` and `/readyz`: for whoever starts, stops and balances nodes.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde::Serialize;

use crate::App;
use crate::shutdown::Shutdown;
use crate::web::error::Code;
use crate::web::problem::Problem;

/// How long Postgres may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(2);
/// When a balancer should look again.
const LOOK_AGAIN_S: u32 = 5;

#[derive(Serialize)]
struct Health {
    status: &'static str,
    /// Whether Redis takes part; without it joins go on, fewer at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    redis: Option<&'static str>,
}

/// `GET /healthz`: the process answers. Nothing else is asked, so that a database that is away does not get nodes restarted.
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(Health { status: "ok", redis: None })
}

/// `GET /readyz`: Postgres answers and the node is not ending: send requests. Without Redis it is ready, too.
///
/// # Errors
/// `busy` while ending, `unavailable` without Postgres: send no requests here.
pub async fn ready(app: web::Data<App>, shutdown: web::Data<Shutdown>) -> Result<HttpResponse, Problem> {
    if shutdown.has_begun() {
        return Err(Problem::new(Code::Busy).detail("This node is ending: ask another.").retry_after(LOOK_AGAIN_S));
    }
    match tokio::time::timeout(PATIENCE, app.ledger.ping()).await {
        Ok(Ok(now)) => {
            app.clock.correct(now);
            let redis = if app.engine.admits() { "online" } else { "away" };
            Ok(HttpResponse::Ok().json(Health { status: "ok", redis: Some(redis) }))
        }
        Ok(Err(error)) => Err(error.into()),
        Err(_too_late) => Err(Problem::new(Code::Unavailable).retry_after(LOOK_AGAIN_S)),
    }
}
