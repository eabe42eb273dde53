//! The HTTP servers: one for people and programs, one for those who watch over the node.

use std::net::SocketAddr;
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::{App as ActixApp, HttpServer};
use anyhow::Context;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::app::App;
use crate::live::Hub;
use crate::shutdown::Shutdown;
use crate::web::listen::listen;
use crate::web::routes;

/// Servers that are bound, and accept connections as soon as they run.
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
        .with_context(|| format!("{} cannot be listened on: is another server using it?", config.bind))?;
    let (mut internal, mut internal_address) = (None, None);
    if let Some(bind) = config.internal_bind {
        let state = app.clone();
        let server =
            HttpServer::new(move || ActixApp::new().configure(|c| routes::internal(c, &state, metrics.clone())))
                .workers(1)
                .disable_signals()
                .bind(bind)
                .with_context(|| format!("{bind} cannot be listened on: is another server using it?"))?;
        internal_address = server.addrs().first().copied();
        internal = Some(server.run());
    }
    Ok(Bound { address, internal_address, public, internal })
}

impl Bound {
    /// Serves until the shutdown begins, then until everybody is answered or the time to drain is over.
    pub(super) async fn run(self, hub: &Hub, shutdown: &Shutdown, drain: Duration) -> anyhow::Result<()> {
        let public = self.public.handle();
        let internal = self.internal.as_ref().map(Server::handle);
        let serving = tokio::spawn(self.public);
        let watched = self.internal.map(tokio::spawn);
        tokio::select! {
            () = shutdown.begun() => {}
            () = ended(&serving) => {}
        }
        tokio::join!(hub.sockets().drain(drain), public.stop(true));
        if let Some(internal) = internal {
            internal.stop(true).await;
        }
        if let Some(watched) = watched {
            watched.await??;
        }
        Ok(serving.await??)
    }
}

/// Waits until a task is over without taking its result.
async fn ended<T>(task: &tokio::task::JoinHandle<T>) {
    let mut looks = tokio::time::interval(Duration::from_millis(100));
    while !task.is_finished() {
        looks.tick().await;
    }
}
