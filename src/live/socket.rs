//! One browser's WebSocket.
//!
//! The only file that names `actix` and `actix-web-actors`, which are deprecated: everything that decides something is
//! outside, so that `actix-ws` can take the place of this file. Nothing is ever pushed into the actor's mailbox, which has
//! no limit: it reads its [`Outbox`].

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Weak};

use actix::{Actor, ActorContext, AsyncContext, StreamHandler};
use actix_web::{HttpRequest, HttpResponse, web};
use actix_web_actors::ws::{CloseCode, CloseReason, Message, ProtocolError, WebsocketContext, WsResponseBuilder};
use metrics::counter;
use tokio::time::Instant;

use super::bucket::TokenBucket;
use super::budget::Budgeted;
use super::connection::Connection;
use super::hub::Hub;
use super::line::Farewell;
use super::origin;
use super::outbox::{Outbox, Push};
use super::refusal::Refusal;
use crate::config::LiveConfig;
use crate::domain::DealId;

/// Opens a socket on these deals for a client at this address.
///
/// # Errors
///
/// A [`Refusal`], before anything was upgraded.
pub fn upgrade(
    request: &HttpRequest,
    payload: web::Payload,
    hub: &Hub,
    deals: Vec<DealId>,
    address: IpAddr,
) -> Result<HttpResponse, Refusal> {
    let config = hub.config();
    let deals = check(request, config, deals)?;
    let connection = request.conn_data::<Arc<Connection>>();
    let seat = hub.sockets().open(address, connection.map_or_else(Weak::new, Arc::downgrade))?;
    if let Some(connection) = connection {
        // The client may be gone already; then the socket ends by itself.
        connection.prepare(config).unwrap_or_else(|error| tracing::debug!(%error, "the connection is not ready"));
    }

    let now = Instant::now();
    let bytes = TokenBucket::new(config.inbound_burst_bytes, config.inbound_bytes_per_second, now);
    let messages = TokenBucket::new(config.messages_burst, config.messages_per_second, now);
    let payload = Budgeted::new(payload, bytes, seat.line());
    let feeds = deals.into_iter().map(|deal| hub.subscribe(deal)).collect();
    let watcher = Watcher { outbox: Some(Outbox::new(seat, feeds)), messages };
    WsResponseBuilder::new(watcher, request, payload)
        .frame_size(config.frame_max_bytes)
        .start()
        .map_err(|_handshake| Refusal::NotAWebSocket)
}

/// The deals to watch, each once, if this request may watch them.
fn check(request: &HttpRequest, config: &LiveConfig, deals: Vec<DealId>) -> Result<BTreeSet<DealId>, Refusal> {
    if !origin::is_allowed(request.headers(), &config.allowed_origins) {
        return Err(Refusal::WrongOrigin);
    }
    let deals = deals.into_iter().collect::<BTreeSet<_>>();
    match deals.len() {
        0 => Err(Refusal::NoDeal),
        count if count > config.deals_per_socket_max => Err(Refusal::TooManyDeals { max: config.deals_per_socket_max }),
        _ => Ok(deals),
    }
}

/// The actor of one socket.
struct Watcher {
    /// Moves into the context when the actor starts.
    outbox: Option<Outbox>,
    messages: TokenBucket,
}

impl Watcher {
    fn part(context: &mut WebsocketContext<Self>, farewell: Farewell) {
        counter!("muster_live_closed_total", "reason" => farewell.as_str()).increment(1);
        let code = CloseCode::from(farewell.code());
        context.close(Some(CloseReason { code, description: Some(farewell.as_str().to_owned()) }));
        context.stop();
    }
}

impl Actor for Watcher {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        if let Some(outbox) = self.outbox.take() {
            context.add_stream(outbox);
        }
    }
}

/// What the client sends. The feed asks nothing of it, so all that counts is that it keeps to the rules.
impl StreamHandler<Result<Message, ProtocolError>> for Watcher {
    fn handle(&mut self, message: Result<Message, ProtocolError>, context: &mut Self::Context) {
        if !self.messages.take(1, Instant::now()) {
            return Self::part(context, Farewell::OverBudget);
        }
        match message {
            Ok(Message::Ping(bytes)) => context.pong(&bytes),
            Ok(Message::Pong(_) | Message::Text(_) | Message::Binary(_) | Message::Nop) => {}
            Ok(Message::Continuation(_)) => Self::part(context, Farewell::Fragmented),
            Ok(Message::Close(reason)) => {
                context.close(reason);
                context.stop();
            }
            Err(ProtocolError::Overflow) => Self::part(context, Farewell::TooBig),
            // The client is gone, or did not send text as UTF-8; there is nobody to tell.
            Err(ProtocolError::Io(_)) => context.stop(),
            Err(_) => Self::part(context, Farewell::Protocol),
        }
    }
}

/// What the server sends.
impl StreamHandler<Push> for Watcher {
    fn handle(&mut self, push: Push, context: &mut Self::Context) {
        match push {
            Push::Frame(text) => context.text(text),
            Push::Ping => context.ping(b""),
            Push::Close(farewell) => Self::part(context, farewell),
        }
    }
}
