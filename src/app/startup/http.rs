//! The HTTP servers: a public one for browsers and API clients, an internal one for monitoring.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::{App as ActixApp, HttpServer};
use anyhow::Context;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::App;
use crate::app::shutdown::Shutdown;
use crate::live::Hub;
use crate::web::listen::listen;
use crate::web::routes;

/// Servers that are bound to their addresses. They accept connections once they run.
pub(super) struct Bound {
    pub(super) address: SocketAddr,
    pub(super) internal_address: Option<SocketAddr>,
    public: Server,
    internal: Option<Server>,
}

pub(super) fn bind(app: &App, shutdown: &Shutdown, metrics: Option<PrometheusHandle>) -> anyhow::Result<Bound> {
    let config = &app.config.server;
    let (state, end) = (app.clone(), shutdown.clone());
    let (public, address) = listen(config, move |routes| routes::public(routes, &state, &end))
        .with_context(|| format!("Cannot listen on {}: is another process using it?", config.bind))?;
    let (mut internal, mut internal_address) = (None, None);
    if let Some(bind) = config.internal_bind {
        let state = app.clone();
        let server =
            HttpServer::new(move || ActixApp::new().configure(|c| routes::internal(c, &state, metrics.clone())))
                .workers(1)
                .disable_signals()
                .bind(bind)
                .with_context(|| format!("Cannot listen on {bind}: is another process using it?"))?;
        internal_address = server.addrs().first().copied();
        internal = Some(server.run());
    }
    Ok(Bound { address, internal_address, public, internal })
}

impl Bound {
    /// Serves until the shutdown begins. Then answers the requests under way, for at most `drain`.
    pub(super) async fn run(self, hub: &Hub, shutdown: &Shutdown, drain: Duration) -> anyhow::Result<()> {
        let public = self.public.handle();
        let internal = self.internal.as_ref().map(Server::handle);
        let serving = tokio::spawn(self.public);
        let serving_internal = self.internal.map(tokio::spawn);
        tokio::select! {
            () = shutdown.begun() => {}
            () = finished(&serving) => {}
        }
        tokio::join!(hub.sockets().drain(drain), public.stop(true));
        if let Some(internal) = internal {
            internal.stop(true).await;
        }
        if let Some(serving_internal) = serving_internal {
            serving_internal.await??;
        }
        Ok(serving.await??)
    }
}

/// Waits until a task has finished, without consuming its result.
async fn finished<T>(task: &tokio::task::JoinHandle<T>) {
    let mut ticks = tokio::time::interval(Duration::from_millis(100));
    while !task.is_finished() {
        ticks.tick().await;
    }
}
