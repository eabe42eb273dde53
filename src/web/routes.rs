//! Every route there is, on one page.

use actix_web::http::Method;
use actix_web::middleware::{Compress, from_fn};
use actix_web::{HttpResponse, ResponseError, web};
use metrics_exporter_prometheus::PrometheusHandle;

use super::api::{health, internal};
use super::error::Code;
use super::gate::gate;
use super::problem::Problem;
use super::resource::{Address, at};
use super::{assets, security};
use crate::App;
use crate::shutdown::Shutdown;

/// Where the API begins.
pub const API: &str = "/api/v1";

/// For whoever starts, stops and balances nodes.
fn probes() -> Vec<Address> {
    vec![at("/healthz").get(health::alive), at("/readyz").get(health::ready)]
}

/// The API, below [`API`].
fn api() -> Vec<Address> {
    vec![]
}

/// Pages and their forms.
fn pages() -> Vec<Address> {
    vec![]
}

/// Files that go with the pages.
fn files() -> Vec<Address> {
    vec![at("/static/{digest}/{path:.*}").get(assets::serve)]
}

/// For those who watch over a node, on a listener of its own.
fn watching() -> Vec<Address> {
    vec![at("/metrics").get(internal::metrics)]
}

/// The method and the path of every route of the API, for its description and for tests.
#[must_use]
pub fn api_routes() -> Vec<(Method, String)> {
    let below = |(method, path)| (method, format!("{API}{path}"));
    api()
        .iter()
        .flat_map(Address::routes)
        .map(below)
        .chain(probes().iter().flat_map(Address::routes).map(|(m, p)| (m, p.to_owned())))
        .collect()
}

/// What people and programs reach, with everything that guards it.
pub fn public(config: &mut web::ServiceConfig, app: &App, shutdown: &Shutdown) {
    let api = web::scope(API).configure(|scope| add(scope, api()));
    let pages = web::scope("").wrap(Compress::default()).configure(|scope| add(scope, pages()));
    let guarded = web::scope("").wrap(from_fn(gate)).service(api).service(pages);
    let everything = web::scope("")
        .wrap(from_fn(security::headers))
        .configure(|scope| add(scope, probes()))
        .configure(|scope| add(scope, files()))
        .service(guarded.default_service(web::to(nothing_here)));
    config.app_data(web::Data::new(app.clone())).app_data(web::Data::new(shutdown.clone())).service(everything);
}

/// What those who watch over the node reach, on a listener of its own.
pub fn internal(config: &mut web::ServiceConfig, app: &App, metrics: Option<PrometheusHandle>) {
    config.app_data(web::Data::new(app.clone())).app_data(web::Data::new(metrics));
    add(config, watching());
    config.default_service(web::to(nothing_here));
}

fn add(scope: &mut web::ServiceConfig, addresses: Vec<Address>) {
    for address in addresses {
        scope.service(address.into_resource());
    }
}

async fn nothing_here() -> HttpResponse {
    Problem::new(Code::NoSuchRoute).error_response()
}
