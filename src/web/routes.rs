//! Every route, on one page.

use actix_web::web::{self, Data, ServiceConfig};
use metrics_exporter_prometheus::PrometheusHandle;

use super::health;
use crate::app::App;
use crate::shutdown::Shutdown;

/// What people and programs reach.
pub fn public(config: &mut ServiceConfig, app: &App, shutdown: &Shutdown) {
    config.app_data(Data::new(app.clone())).app_data(Data::new(shutdown.clone()));
    config.route("/healthz", web::get().to(health::alive)).route("/readyz", web::get().to(health::ready));
}

/// What those who watch over the node reach, on a listener of its own.
pub fn internal(config: &mut ServiceConfig, app: &App, metrics: Option<PrometheusHandle>) {
    config.app_data(Data::new(app.clone())).app_data(Data::new(metrics));
    config.route("/metrics", web::get().to(health::metrics));
}
