//! Every route, in one file.

use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, ResponseError, web};
use metrics_exporter_prometheus::PrometheusHandle;

use super::api::{coupons, deals, health, internal, live, openapi, redemptions, signups};
use super::assets;
use super::middleware::{compress, error_pages, gate, observe, security_headers};
use super::pages::merchant::{console, dashboard, edit_deal, new_deal, publish, redeem, withdraw};
use super::pages::{deal, home, join, leave, my_coupons, my_deals, picture, scanned, signup};
use super::paths::{API, JOIN, JOIN_FORM};
use super::problem::{Code, Problem};
use super::request::endpoint::{Endpoint, at};
use crate::App;
use crate::app::shutdown::Shutdown;
use crate::live::FanOut;
use crate::people::api::{accounts, tokens};
use crate::people::pages::{account, sign_in, sign_out, sign_up};

/// Health probes, for load balancers and process managers.
fn probes() -> Vec<Endpoint> {
    vec![at("/healthz").get(health::alive), at("/readyz").get(health::ready)]
}

/// The API, below [`API`].
fn api() -> Vec<Endpoint> {
    vec![
        // The busiest routes come first: actix compares paths in this order.
        at("/deals/{id}").get(deals::show::show).patch(deals::patch::patch),
        at(JOIN).get(signups::of_deal::list).post(signups::join::join),
        at("/accounts").post(accounts::create),
        at("/tokens").get(tokens::list::list).post(tokens::create::create),
        at("/tokens/{id}").delete(tokens::revoke::revoke),
        at("/deals").get(deals::list::list).post(deals::create::create),
        at("/deals/{id}/publish").post(deals::publish::publish),
        at("/deals/{id}/withdraw").post(deals::withdraw::withdraw),
        at("/signups").get(signups::list::list),
        at("/signups/{id}").get(signups::show::show).delete(signups::leave::leave),
        at("/coupons").get(coupons::list::list),
        at("/coupons/{id}").get(coupons::show::show),
        at("/coupons/{id}/qr.svg").get(coupons::qr::show),
        at("/redemptions").post(redemptions::create),
        at("/live").get(live::watch),
    ]
}

/// The API's description: OpenAPI for programs, documentation for people.
fn descriptions() -> Vec<Endpoint> {
    vec![at("/api/openapi.json").get(openapi::document), at("/api/docs").get(openapi::docs_page::show)]
}

/// Pages and the forms on them.
fn pages() -> Vec<Endpoint> {
    vec![
        at("/deals/{deal}").get(deal::deal),
        at("/").get(home::home),
        at(JOIN_FORM).post(join::join),
        at("/signups/{signup}").get(signup::signup),
        at("/signups/{signup}/leave").post(leave::leave),
        at("/my/deals").get(my_deals::my_deals),
        at("/my/coupons").get(my_coupons::my_coupons),
        at("/my/coupons/{coupon}").get(my_coupons::coupon),
        at("/c").get(scanned::scanned),
        at("/account").get(account::account),
        at("/sign-in").get(sign_in::sign_in_page).post(sign_in::sign_in),
        at("/sign-up").get(sign_up::sign_up_page).post(sign_up::sign_up),
        at("/sign-out").post(sign_out::sign_out),
        at("/merchant").get(dashboard::dashboard),
        at("/merchant/redeem").get(redeem::redeem_page).post(redeem::redeem),
        at("/merchant/deals/new").get(new_deal::new_deal).post(new_deal::create_deal),
        at("/merchant/deals/{deal}").get(console::console),
        at("/merchant/deals/{deal}/edit").get(edit_deal::edit_deal).post(edit_deal::update_deal),
        at("/merchant/deals/{deal}/publish").post(publish::publish),
        at("/merchant/deals/{deal}/withdraw").post(withdraw::withdraw),
    ]
}

/// Static files of the pages, below `/static`.
fn files() -> Vec<Endpoint> {
    vec![at("/{digest}/{path:.*}").get(assets::serve)]
}

/// Generated pictures, below `/pictures`.
fn pictures() -> Vec<Endpoint> {
    vec![at("/{goods}/{seed}.svg").get(picture::picture)]
}

/// Metrics and the audit, for operators. Served on the internal listener.
fn operations() -> Vec<Endpoint> {
    vec![at("/metrics").get(internal::metrics), at("/audit").get(internal::audit)]
}

/// The method and path of every API route and health probe, for the OpenAPI tests.
#[must_use]
pub fn api_routes() -> Vec<(Method, String)> {
    let below = |(method, path)| (method, format!("{API}{path}"));
    api()
        .iter()
        .flat_map(Endpoint::routes)
        .map(below)
        .chain(probes().iter().flat_map(Endpoint::routes).map(|(m, p)| (m, p.to_owned())))
        .collect()
}

/// Configures one worker of the public listener: every route, with its middleware.
pub fn public(config: &mut web::ServiceConfig, app: &App, shutdown: &Shutdown) {
    // actix runs middleware in the reverse order of the `wrap` calls.
    let api = web::scope(API)
        .wrap(from_fn(gate))
        .configure(|scope| add(scope, API, api()))
        .default_service(web::to(no_such_route));
    let pages = web::scope("")
        .wrap(from_fn(compress))
        .wrap(from_fn(gate))
        .wrap(from_fn(error_pages))
        .configure(|scope| add(scope, "", pages()))
        .configure(|scope| add(scope, "", descriptions()))
        .default_service(web::to(no_such_route));
    let everything = web::scope("")
        .wrap(from_fn(security_headers))
        .wrap(from_fn(observe))
        .configure(|scope| add(scope, "", probes()))
        .service(web::scope("/static").configure(|scope| add(scope, "/static", files())))
        .service(web::scope("/pictures").configure(|scope| add(scope, "/pictures", pictures())))
        .service(api)
        .service(pages);
    config
        .app_data(web::Data::new(app.clone()))
        .app_data(web::Data::new(shutdown.clone()))
        .app_data(web::Data::new(FanOut::new(app.live.clone())))
        .service(everything);
}

/// Configures the internal listener, which operators can reach and the public cannot.
pub fn internal(config: &mut web::ServiceConfig, app: &App, metrics: Option<PrometheusHandle>) {
    config.app_data(web::Data::new(app.clone())).app_data(web::Data::new(metrics));
    add(config, "", operations());
    config.default_service(web::to(no_such_route));
}

fn add(scope: &mut web::ServiceConfig, prefix: &str, endpoints: Vec<Endpoint>) {
    for endpoint in endpoints {
        scope.service(endpoint.into_resource(prefix));
    }
}

async fn no_such_route() -> HttpResponse {
    Problem::new(Code::NoSuchRoute).error_response()
}
