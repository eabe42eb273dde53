//! A server with only the live route, and clients of it.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};
use futures_util::{SinkExt, StreamExt};
use muster::clock::Clock;
use muster::config::{Config, LiveConfig, ServerConfig, Sources};
use muster::domain::{DealId, DealState, Progress};
use muster::live::{self, FanOut, Hub, Refusal, Subscription};
use muster::web::listen::listen;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::Response;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// A test that waits this long has failed.
pub const DEADLINE: Duration = Duration::from_mins(1);
/// The polling period for conditions that nothing announces.
pub const CHECK_EVERY: Duration = Duration::from_millis(5);

/// A server with only the live route. It stops when the test ends.
pub struct Feed {
    pub hub: Hub,
    pub address: SocketAddr,
    server: ServerHandle,
    keeper: JoinHandle<()>,
}

impl Feed {
    pub fn start(config: LiveConfig) -> Self {
        let hub = hub(config);
        let for_routes = hub.clone();
        let server = ServerConfig { bind: "127.0.0.1:0".parse().expect("an address"), workers: 1, ..defaults().server };
        let (server, address) = listen(&server, move |routes| {
            routes.app_data(web::Data::new(FanOut::new(for_routes.clone()))).route("/live", web::get().to(open));
        })
        .expect("a free port");
        let handle = server.handle();
        tokio::spawn(server);
        let kept = hub.clone();
        let keeper = tokio::spawn(async move {
            tokio::join!(kept.run_schedule(), kept.sockets().supervise());
        });
        Self { hub, address, server: handle, keeper }
    }

    /// Opens a WebSocket that watches these deals.
    pub async fn watch(&self, deals: &[DealId]) -> Client {
        self.try_watch(deals, None).await.expect("a socket")
    }

    /// Tries to open a WebSocket as a page of this origin. The error is the status of the response.
    pub async fn try_watch(&self, deals: &[DealId], origin: Option<&str>) -> Result<Client, u16> {
        Client::connect(self.address, &path(deals), origin).await.map_err(|answer| answer.status().as_u16())
    }

    /// Opens a WebSocket without a library, so that the test can violate the protocol. `window_bytes` is the kernel's
    /// receive buffer.
    pub async fn watch_raw(&self, deals: &[DealId], window_bytes: Option<u32>) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        if let Some(window_bytes) = window_bytes {
            socket.set_recv_buffer_size(window_bytes).expect("a window");
        }
        let mut stream = with_deadline(socket.connect(self.address)).await.expect("a connection");
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
            path(deals),
            self.address
        );
        with_deadline(stream.write_all(request.as_bytes())).await.expect("a request");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(with_deadline(stream.read_u8()).await.expect("a response"));
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        stream
    }

    /// Waits until exactly this many sockets are open.
    pub async fn wait_for_open_sockets(&self, count: usize) {
        eventually(|| self.hub.sockets().count() == count).await;
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.keeper.abort();
        // The call begins the stop. Nothing waits until it is complete.
        drop(self.server.stop(false));
    }
}

async fn open(request: HttpRequest, payload: web::Payload, fan_out: web::Data<FanOut>) -> HttpResponse {
    let deals = request.query_string().split('&').filter_map(|pair| pair.strip_prefix("deal=")?.parse().ok()).collect();
    let address = request.peer_addr().expect("a peer").ip();
    let opened = live::upgrade(&request, payload, &fan_out, deals, address);
    opened.unwrap_or_else(|refusal| HttpResponse::new(status(refusal)))
}

fn status(refusal: Refusal) -> StatusCode {
    match refusal {
        Refusal::NoDeal | Refusal::TooManyDeals { .. } => StatusCode::BAD_REQUEST,
        Refusal::WrongOrigin => StatusCode::FORBIDDEN,
        Refusal::NotAWebSocket => StatusCode::UPGRADE_REQUIRED,
        Refusal::AddressFull | Refusal::AddressTooFast => StatusCode::TOO_MANY_REQUESTS,
        Refusal::NodeBusy | Refusal::Draining => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn path(deals: &[DealId]) -> String {
    format!("/live?{}", query(deals))
}

/// The query string that names these deals.
pub fn query(deals: &[DealId]) -> String {
    let deals = deals.iter().map(|deal| format!("deal={deal}")).collect::<Vec<_>>();
    deals.join("&")
}

/// A well-behaved browser.
pub struct Client {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    /// Opens a WebSocket at a path as a page of this origin. The error is the response.
    pub async fn connect(
        address: SocketAddr,
        path: &str,
        origin: Option<&str>,
    ) -> Result<Self, Box<Response<Option<Vec<u8>>>>> {
        let mut request = format!("ws://{address}{path}").into_client_request().expect("a request");
        if let Some(origin) = origin {
            request.headers_mut().insert("Origin", origin.parse().expect("a header"));
        }
        match with_deadline(connect_async(request)).await {
            Ok((stream, _response)) => Ok(Self { stream }),
            Err(tungstenite::Error::Http(response)) => Err(response),
            Err(error) => panic!("no response: {error}"),
        }
    }

    /// The next message that is not a ping or pong. The library answers pings.
    pub async fn next(&mut self) -> Option<Message> {
        loop {
            match with_deadline(self.stream.next()).await {
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(message)) => return Some(message),
                Some(Err(_)) | None => return None,
            }
        }
    }

    /// The text of the next frame.
    pub async fn frame(&mut self) -> String {
        match self.next().await {
            Some(Message::Text(text)) => text.to_string(),
            other => panic!("no frame: {other:?}"),
        }
    }

    /// The `rev` of the next frame.
    pub async fn rev(&mut self) -> i64 {
        version(&self.frame().await).1
    }

    /// Reads frames until one satisfies `holds`, and returns it.
    pub async fn frame_where(&mut self, holds: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        loop {
            let frame = serde_json::from_str(&self.frame().await).expect("JSON");
            if holds(&frame) {
                return frame;
            }
        }
    }

    /// Reads frames up to this `rev`, and returns the revs of all of them.
    pub async fn revs_until(&mut self, last: i64) -> Vec<i64> {
        let mut revs = Vec::new();
        while revs.last() != Some(&last) {
            revs.push(self.rev().await);
        }
        revs
    }

    /// Reads until the server closes, and returns its close code, or `None` if it sent none.
    pub async fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.next().await {
                Some(Message::Close(reason)) => return reason.map(|reason| reason.code.into()),
                Some(_) => {}
                None => return None,
            }
        }
    }

    pub async fn send(&mut self, message: Message) {
        with_deadline(self.stream.send(message)).await.expect("an open socket");
    }
}

/// The `(epoch, rev)` of a frame.
pub fn version(frame: &str) -> (i64, i64) {
    let frame = serde_json::from_str::<serde_json::Value>(frame).expect("JSON");
    (frame["epoch"].as_i64().expect("an epoch"), frame["rev"].as_i64().expect("a rev"))
}

/// The version of the frame that this subscription has not taken yet, if there is one.
pub fn pending_version(watcher: &mut Subscription) -> Option<(i64, i64)> {
    watcher.take_latest().map(|frame| version(&frame))
}

/// Figures of a deal at this `rev`: as many buyers as `rev`, each with one unit.
pub fn progress(deal: DealId, rev: i64) -> Progress {
    let buyers = u32::try_from(rev).expect("a small rev");
    Progress {
        deal,
        epoch: 1,
        rev,
        state: DealState::Open,
        buyers,
        units: buyers,
        tipping_point: 20,
        cap: Some(100),
        closes_at: "2026-12-01T12:00:00Z".parse::<DateTime<Utc>>().expect("a time"),
    }
}

/// The default settings of the section `live`.
pub fn throttled() -> LiveConfig {
    defaults().live
}

fn defaults() -> Config {
    let sources = Sources::default()
        .with("postgres.database_url", "postgres:///none")
        .with("redis.url", "redis://none")
        .with("security.coupon_keys", format!("1:{}", "ab".repeat(32)));
    Config::load(&sources).expect("the defaults")
}

/// The defaults without limits on frames.
pub fn unthrottled() -> LiveConfig {
    LiveConfig { frames_per_second_max: u32::MAX, fan_out_per_second_max: u32::MAX, ..throttled() }
}

/// A hub of the site `https://muster.example`.
pub fn hub(config: LiveConfig) -> Hub {
    Hub::new(config, "https://muster.example".parse().expect("a URL"), Clock::new())
}

/// A frame as a client sends it, masked with zeros.
pub fn client_frame(first_byte: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first_byte];
    match u16::try_from(payload.len()).expect("a short payload") {
        length @ 0..=125 => frame.push(0x80 | u8::try_from(length).expect("a byte")),
        length => {
            frame.push(0x80 | 0x7E);
            frame.extend(length.to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// Reads a raw socket until the server closes it, and returns the code of the close frame at its end.
pub async fn raw_close_code(stream: &mut TcpStream) -> Option<u16> {
    let mut rest = Vec::new();
    // A reset may follow the close frame.
    drop(with_deadline(stream.read_to_end(&mut rest)).await);
    let close_at = rest.windows(2).rposition(|pair| pair[0] == 0x88 && pair[1] >= 2)?;
    Some(u16::from_be_bytes([*rest.get(close_at + 2)?, *rest.get(close_at + 3)?]))
}

/// The output of the future. The test fails if that takes longer than [`DEADLINE`].
pub async fn with_deadline<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(DEADLINE, Box::pin(future)).await.expect("nothing happened in time")
}

/// Waits until a condition holds that nothing announces.
pub async fn eventually(holds: impl Fn() -> bool) {
    let mut ticks = tokio::time::interval(CHECK_EVERY);
    with_deadline(async {
        while !holds() {
            ticks.tick().await;
        }
    })
    .await;
}
