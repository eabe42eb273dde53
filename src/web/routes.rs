//! Every route there is, on one page.

use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, ResponseError, web};
use metrics_exporter_prometheus::PrometheusHandle;

use super::api::{accounts, coupons, deals, describe, health, internal, live, redemptions, signups, tokens};
use super::content_coding::compress;
use super::error::Code;
use super::gate::gate;
use super::pages::merchant::{console, dashboard, edit_deal, new_deal, publish, redeem, withdraw};
use super::pages::only_pages::only_pages;
use super::pages::{
    account, deal, home, join, leave, my_coupons, my_deals, picture, sign_in, sign_out, sign_up, signup,
};
use super::problem::Problem;
use super::resource::{Address, at};
use super::{assets, observe, security};
use crate::App;
use crate::live::FanOut;
use crate::shutdown::Shutdown;

/// Where the API begins.
pub const API: &str = "/api/v1";

/// For whoever starts, stops and balances nodes.
fn probes() -> Vec<Address> {
    vec![at("/healthz").get(health::alive), at("/readyz").get(health::ready)]
}

/// The API, below [`API`].
fn api() -> Vec<Address> {
    vec![
        // First what is asked for most: addresses are compared in this order.
        at("/deals/{id}").get(deals::show::show).patch(deals::patch::patch),
        at("/deals/{id}/signups").get(signups::of_deal::list).post(signups::join::join),
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

/// The API's description, for programs and for people.
fn descriptions() -> Vec<Address> {
    vec![at("/api/openapi.json").get(describe::document), at("/api/docs").get(describe::page::show)]
}

/// Pages and their forms.
fn pages() -> Vec<Address> {
    vec![
        at("/deals/{deal}").get(deal::deal),
        at("/").get(home::home),
        at("/deals/{deal}/join").post(join::join),
        at("/signups/{signup}").get(signup::signup),
        at("/signups/{signup}/leave").post(leave::leave),
        at("/my/deals").get(my_deals::my_deals),
        at("/my/coupons").get(my_coupons::my_coupons),
        at("/my/coupons/{coupon}").get(my_coupons::coupon),
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

/// Files that go with the pages, below `/static`.
fn files() -> Vec<Address> {
    vec![at("/{digest}/{path:.*}").get(assets::serve)]
}

/// Drawn pictures, below `/pictures`.
fn pictures() -> Vec<Address> {
    vec![at("/{goods}/{seed}.svg").get(picture::picture)]
}

/// For those who watch over a node, on a listener of its own.
fn watching() -> Vec<Address> {
    vec![at("/metrics").get(internal::metrics), at("/audit").get(internal::audit)]
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

/// What people and programs reach, with everything that guards it. For one worker.
pub fn public(config: &mut web::ServiceConfig, app: &App, shutdown: &Shutdown) {
    // What is wrapped last is asked first.
    let api = web::scope(API)
        .wrap(from_fn(gate))
        .configure(|scope| add(scope, API, api()))
        .default_service(web::to(nothing_here));
    let pages = web::scope("")
        .wrap(from_fn(compress))
        .wrap(from_fn(gate))
        .wrap(from_fn(only_pages))
        .configure(|scope| add(scope, "", pages()))
        .configure(|scope| add(scope, "", descriptions()))
        .default_service(web::to(nothing_here));
    let everything = web::scope("")
        .wrap(from_fn(security::headers))
        .wrap(from_fn(observe::requests))
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

/// What those who watch over the node reach, on a listener of its own.
pub fn internal(config: &mut web::ServiceConfig, app: &App, metrics: Option<PrometheusHandle>) {
    config.app_data(web::Data::new(app.clone())).app_data(web::Data::new(metrics));
    add(config, "", watching());
    config.default_service(web::to(nothing_here));
}

fn add(scope: &mut web::ServiceConfig, below: &str, addresses: Vec<Address>) {
    for address in addresses {
        scope.service(address.into_resource(below));
    }
}

async fn nothing_here() -> HttpResponse {
    Problem::new(Code::NoSuchRoute).error_response()
}
