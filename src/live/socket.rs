//! One browser's WebSocket.
//!
//! The only file that names `actix` and `actix-web-actors`, which are deprecated: everything that decides something is
//! outside, so that `actix-ws` can take the place of this file. Nothing is ever pushed into the actor's mailbox, which has
//! no limit: it reads its [`Outbox`].

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::{Arc, Weak};

use actix::{Actor, ActorContext, AsyncContext, StreamHandler};
use actix_web::{HttpRequest, HttpResponse, web};
use actix_web_actors::ws::{CloseCode, CloseReason, Message, ProtocolError, WebsocketContext, WsResponseBuilder};
use metrics::counter;
use tokio::time::Instant;

use super::bucket::TokenBucket;
use super::budget::Budgeted;
use super::fan_out::{Door, FanOut};
use super::line::Farewell;
use super::origin;
use super::outbox::{Outbox, Push};
use super::refusal::Refusal;
use super::wire::Wire;
use crate::config::LiveConfig;
use crate::domain::DealId;

/// Opens a socket on these deals for a client at this address. `fan_out` is that of the worker which serves it.
///
/// # Errors
///
/// A [`Refusal`], before anything was upgraded.
pub fn upgrade(
    request: &HttpRequest,
    payload: web::Payload,
    fan_out: &FanOut,
    deals: Vec<DealId>,
    address: IpAddr,
) -> Result<HttpResponse, Refusal> {
    let hub = fan_out.hub();
    let config = hub.config();
    let deals = check(request, config, deals)?;
    let wire = request.conn_data::<Wire>().cloned();
    let connection = wire.as_ref().and_then(|wire| {
        let connection = wire.connection().map(Arc::clone);
        connection.inspect_err(|error| tracing::warn!(%error, "a connection cannot be watched from outside")).ok()
    });
    let seat = hub.sockets().open(address, connection.as_ref().map_or_else(Weak::new, Arc::downgrade))?;
    if let Some(connection) = connection {
        // The client may be gone already; then the socket ends by itself.
        connection.prepare(config).unwrap_or_else(|error| tracing::debug!(%error, "the connection is not ready"));
    }

    let now = Instant::now();
    let bytes = TokenBucket::new(config.inbound_burst_bytes, config.inbound_bytes_per_second, now);
    let messages = TokenBucket::new(config.messages_burst, config.messages_per_second, now);
    let payload = Budgeted::new(payload, bytes, seat.line());
    let door = Rc::new(Door::new(wire, seat.line()));
    let feeds = deals.into_iter().map(|deal| fan_out.watch(deal, Rc::clone(&door))).collect();
    let outbox = Outbox::new(seat, Rc::clone(&door), feeds);
    let watcher = Watcher { outbox: Some(outbox), door, messages };
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
    door: Rc<Door>,
    messages: TokenBucket,
}

impl Watcher {
    fn part(&self, context: &mut WebsocketContext<Self>, farewell: Farewell) {
        self.door.close();
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
            return self.part(context, Farewell::OverBudget);
        }
        match message {
            Ok(Message::Ping(bytes)) => context.pong(&bytes),
            Ok(Message::Pong(_) | Message::Text(_) | Message::Binary(_) | Message::Nop) => {}
            Ok(Message::Continuation(_)) => self.part(context, Farewell::Fragmented),
            Ok(Message::Close(reason)) => {
                self.door.close();
                context.close(reason);
                context.stop();
            }
            Err(ProtocolError::Overflow) => self.part(context, Farewell::TooBig),
            // The client is gone, or did not send text as UTF-8; there is nobody to tell.
            Err(ProtocolError::Io(_)) => context.stop(),
            Err(_) => self.part(context, Farewell::Protocol),
        }
    }
}

/// What the server sends.
impl StreamHandler<Push> for Watcher {
    fn handle(&mut self, push: Push, context: &mut Self::Context) {
        match push {
            Push::Frame(text) => context.text(text),
            Push::Ping => context.ping(b""),
            Push::Close(farewell) => self.part(context, farewell),
        }
    }
}
