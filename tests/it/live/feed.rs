//! A server that has nothing but the live route, and clients of it.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
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

/// Longer than anything here takes; a test that waits so long has failed.
pub const DEADLINE: Duration = Duration::from_mins(1);
/// Between two looks at what nothing announces.
pub const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A server with the live route alone. It ends with the test.
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

    /// Opens a socket on these deals.
    pub async fn watch(&self, deals: &[DealId]) -> Client {
        self.try_watch(deals, None).await.expect("a socket")
    }

    /// Tries to open a socket, as a page of this origin; else the status of the answer.
    pub async fn try_watch(&self, deals: &[DealId], origin: Option<&str>) -> Result<Client, u16> {
        Client::connect(self.address, &path(deals), origin).await.map_err(|answer| answer.status().as_u16())
    }

    /// Opens a socket without a WebSocket library, to misbehave on it. `window_bytes` is what the kernel takes unread.
    pub async fn watch_raw(&self, deals: &[DealId], window_bytes: Option<u32>) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        if let Some(window_bytes) = window_bytes {
            socket.set_recv_buffer_size(window_bytes).expect("a window");
        }
        let mut stream = in_time(socket.connect(self.address)).await.expect("a connection");
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
            path(deals),
            self.address
        );
        in_time(stream.write_all(request.as_bytes())).await.expect("a request");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(in_time(stream.read_u8()).await.expect("an answer"));
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        stream
    }

    /// Waits until so many sockets are open.
    pub async fn has_open(&self, count: usize) {
        eventually(|| self.hub.sockets().count() == count).await;
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.keeper.abort();
        // Stopping begins when it is asked for; nobody waits for the end of it.
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

/// The query that names these deals.
pub fn query(deals: &[DealId]) -> String {
    let deals = deals.iter().map(|deal| format!("deal={deal}")).collect::<Vec<_>>();
    deals.join("&")
}

/// A browser that behaves.
pub struct Client {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    /// Opens a socket at a path, as a page of this origin; else the answer.
    pub async fn connect(
        address: SocketAddr,
        path: &str,
        origin: Option<&str>,
    ) -> Result<Self, Box<Response<Option<Vec<u8>>>>> {
        let mut request = format!("ws://{address}{path}").into_client_request().expect("a request");
        if let Some(origin) = origin {
            request.headers_mut().insert("Origin", origin.parse().expect("a header"));
        }
        match in_time(connect_async(request)).await {
            Ok((stream, _response)) => Ok(Self { stream }),
            Err(tungstenite::Error::Http(response)) => Err(response),
            Err(error) => panic!("no answer: {error}"),
        }
    }

    /// The next message that is not a ping; pings are answered.
    pub async fn next(&mut self) -> Option<Message> {
        loop {
            match in_time(self.stream.next()).await {
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

    /// Reads frames until one says what is wanted, and returns it.
    pub async fn frame_where(&mut self, holds: impl Fn(&serde_json::Value) -> bool) -> serde_json::Value {
        loop {
            let frame = serde_json::from_str(&self.frame().await).expect("JSON");
            if holds(&frame) {
                return frame;
            }
        }
    }

    /// Reads frames until this `rev`, and returns all that were seen.
    pub async fn revs_until(&mut self, last: i64) -> Vec<i64> {
        let mut revs = Vec::new();
        while revs.last() != Some(&last) {
            revs.push(self.rev().await);
        }
        revs
    }

    /// Reads on until the server closes, and returns its code; none if it closed without one.
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
        in_time(self.stream.send(message)).await.expect("an open socket");
    }
}

/// `(epoch, rev)` of a frame.
pub fn version(frame: &str) -> (i64, i64) {
    let frame = serde_json::from_str::<serde_json::Value>(frame).expect("JSON");
    (frame["epoch"].as_i64().expect("an epoch"), frame["rev"].as_i64().expect("a rev"))
}

/// The version of the frame that waits for this watcher, if one does.
pub fn waiting(watcher: &mut Subscription) -> Option<(i64, i64)> {
    watcher.take_latest().map(|frame| version(&frame))
}

/// Figures of a deal at this `rev`: as many buyers, each with one unit.
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

/// The defaults of the live section.
pub fn paced() -> LiveConfig {
    defaults().live
}

fn defaults() -> Config {
    let sources = Sources::default()
        .with("postgres.database_url", "postgres:///none")
        .with("redis.url", "redis://none")
        .with("security.coupon_keys", format!("1:{}", "ab".repeat(32)));
    Config::load(&sources).expect("the defaults")
}

/// The defaults, but nothing is held back for its pace.
pub fn unpaced() -> LiveConfig {
    LiveConfig { frames_per_second_max: u32::MAX, fan_out_per_second_max: u32::MAX, ..paced() }
}

/// A hub whose own pages are at `https://muster.example`.
pub fn hub(config: LiveConfig) -> Hub {
    Hub::new(config, "https://muster.example".parse().expect("a URL"), Clock::new())
}

/// A frame as a client sends it: masked, with a mask of zeros.
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

/// Reads what is left on a raw socket until the server ends it, and returns the code of the close frame at the end.
pub async fn raw_close_code(stream: &mut TcpStream) -> Option<u16> {
    let mut rest = Vec::new();
    // A reset after the close frame is an end as good as any.
    drop(in_time(stream.read_to_end(&mut rest)).await);
    let close_at = rest.windows(2).rposition(|pair| pair[0] == 0x88 && pair[1] >= 2)?;
    Some(u16::from_be_bytes([*rest.get(close_at + 2)?, *rest.get(close_at + 3)?]))
}

/// What the future gives, or a failed test.
pub async fn in_time<F: Future>(future: F) -> F::Output {
    let future: Pin<Box<F>> = Box::pin(future);
    tokio::time::timeout(DEADLINE, future).await.expect("nothing happened in time")
}

/// Waits until something holds that nothing announces.
pub async fn eventually(holds: impl Fn() -> bool) {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    in_time(async {
        while !holds() {
            looks.tick().await;
        }
    })
    .await;
}
