//! Sends arbitrary bytes to a live socket in chunks of any size, through the byte budget, the codec and the socket's task.
//!
//! Whatever the input, the socket ends when the input ends, sends a bounded amount, and is removed from the counts.
#![no_main]

use std::cell::RefCell;
use std::convert::Infallible;
use std::time::Duration;

use actix_http::Request;
use actix_web::body::{BoxBody, MessageBody, to_bytes_limited};
use actix_web::dev::{Payload, Service, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::rt::{System, SystemRunner};
use actix_web::test::{TestRequest, init_service};
use actix_web::{App, Error, HttpRequest, HttpResponse, web};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use muster::clock::Clock;
use muster::config::{Config, LiveConfig, Sources};
use muster::domain::DealId;
use muster::live::{self, FanOut, Hub};
use tokio::time::{Instant, timeout};

/// More than a socket ever sends: pongs for the pings that the budget admits, and a close frame.
const ANSWER_MAX_BYTES: usize = 64 * 1024;
/// Far longer than a run takes.
const SOON: Duration = Duration::from_secs(5);

thread_local! {
    static SYSTEM: RefCell<(SystemRunner, Hub)> = RefCell::new((System::new(), hub()));
}

fuzz_target!(|data: &[u8]| {
    let Some((pieces, sent)) = data.split_first() else { return };
    let pieces = usize::from(*pieces).max(1);
    SYSTEM.with_borrow_mut(|(system, hub)| system.block_on(feed(hub, pieces, sent)));
});

async fn feed(hub: &Hub, piece_bytes: usize, sent: &[u8]) {
    let routes = App::new().app_data(web::Data::new(FanOut::new(hub.clone()))).route("/live", web::get().to(open));
    let service = init_service(routes).await;
    let response = answer(&service, request(piece_bytes, sent)).await;
    assert_eq!(response.status().as_u16(), 101);
    let answered = timeout(SOON, to_bytes_limited(response.into_body(), ANSWER_MAX_BYTES)).await;
    assert!(answered.expect("the socket ends").is_ok_and(|bytes| bytes.is_ok()), "more than {ANSWER_MAX_BYTES} bytes");
    let removed = async {
        while hub.sockets().count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, removed).await.expect("the socket is removed from the counts");
    hub.sockets().check(Instant::now() + Duration::from_secs(60));
}

async fn answer<B: MessageBody + 'static>(
    service: &impl Service<Request, Response = ServiceResponse<B>, Error = Error>,
    request: Request,
) -> ServiceResponse<BoxBody> {
    service.call(request).await.expect("an answer").map_into_boxed_body()
}

fn request(piece_bytes: usize, sent: &[u8]) -> Request {
    let headers = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Version", "13"),
    ];
    let request = headers.into_iter().fold(TestRequest::with_uri("/live"), TestRequest::insert_header);
    let pieces: Vec<Result<Bytes, PayloadError>> =
        sent.chunks(piece_bytes).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let payload: actix_http::BoxedPayloadStream = Box::pin(futures_util::stream::iter(pieces));
    request.to_request().replace_payload(Payload::from(payload)).0
}

async fn open(request: HttpRequest, payload: web::Payload, fan_out: web::Data<FanOut>) -> Result<HttpResponse, Infallible> {
    let deals = vec![DealId::generate()];
    let opened = live::upgrade(&request, payload, &fan_out, deals, [192, 0, 2, 1].into());
    Ok(opened.expect("nothing refuses it"))
}

/// A hub without limits on opening sockets.
fn hub() -> Hub {
    let sources = Sources::default()
        .with("postgres.database_url", "postgres:///none")
        .with("redis.url", "redis://none")
        .with("security.coupon_keys", format!("1:{}", "ab".repeat(32)));
    let defaults = Config::load(&sources).expect("the defaults").live;
    let config = LiveConfig {
        upgrades_per_second_max: usize::MAX,
        opens_per_address_burst: usize::MAX,
        opens_per_address_per_second: usize::MAX,
        ..defaults
    };
    Hub::new(config, "https://muster.example".parse().expect("a URL"), Clock::new())
}
