//! One browser's WebSocket.
//!
//! `actix-web-actors` is deprecated, so only this file names it and `actix`. The file makes no decisions of its own, so
//! that `actix-ws` can replace it. Nothing is pushed into the actor's mailbox, which is unbounded: the actor reads its
//! [`SendQueue`].

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::{Arc, Weak};

use actix::{Actor, ActorContext, AsyncContext, StreamHandler};
use actix_web::{HttpRequest, HttpResponse, web};
use actix_web_actors::ws::{self, CloseCode, Message, ProtocolError, WebsocketContext, WsResponseBuilder};
use metrics::counter;
use tokio::time::Instant;

use super::close_reason::CloseReason;
use super::connection::Connection;
use super::fan_out::{FanOut, FrameWriter};
use super::inbound_limit::LimitedPayload;
use super::origin;
use super::refusal::Refusal;
use super::send_queue::{Outgoing, SendQueue};
use super::token_bucket::TokenBucket;
use crate::config::LiveConfig;
use crate::domain::DealId;

/// Opens a socket on these deals for a client at `address`. `fan_out` belongs to the worker that serves the request.
///
/// # Errors
///
/// A [`Refusal`]. The connection is not upgraded.
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
    let connection = request.conn_data::<Connection>().cloned();
    let handle = connection.as_ref().and_then(|connection| {
        let handle = connection.handle().map(Arc::clone);
        handle.inspect_err(|error| tracing::warn!(%error, "cannot duplicate a connection's file descriptor")).ok()
    });
    let registration = hub.sockets().register(address, handle.as_ref().map_or_else(Weak::new, Arc::downgrade))?;
    if let Some(handle) = handle {
        // Fails if the client has already disconnected, which also ends the socket.
        handle.configure(config).unwrap_or_else(|error| tracing::debug!(%error, "cannot set socket options"));
    }

    let now = Instant::now();
    let bytes = TokenBucket::new(config.inbound_burst_bytes, config.inbound_bytes_per_second, now);
    let messages = TokenBucket::new(config.messages_burst, config.messages_per_second, now);
    let payload = LimitedPayload::new(payload, bytes, registration.control());
    let writer = Rc::new(FrameWriter::new(connection, registration.control()));
    let subscriptions = deals.into_iter().map(|deal| fan_out.subscribe(deal, Rc::clone(&writer))).collect();
    let send_queue = SendQueue::new(registration, Rc::clone(&writer), subscriptions);
    let actor = SocketActor { send_queue: Some(send_queue), writer, messages };
    WsResponseBuilder::new(actor, request, payload)
        .frame_size(config.frame_max_bytes)
        .start()
        .map_err(|_handshake| Refusal::NotAWebSocket)
}

/// Checks the origin and the number of deals, and removes duplicate deals.
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
struct SocketActor {
    /// Moves into the actor's context when the actor starts.
    send_queue: Option<SendQueue>,
    writer: Rc<FrameWriter>,
    messages: TokenBucket,
}

impl SocketActor {
    fn close(&self, context: &mut WebsocketContext<Self>, reason: CloseReason) {
        self.writer.disable();
        counter!("muster_live_closed_total", "reason" => reason.as_str()).increment(1);
        let code = CloseCode::from(reason.code());
        context.close(Some(ws::CloseReason { code, description: Some(reason.as_str().to_owned()) }));
        context.stop();
    }
}

impl Actor for SocketActor {
    type Context = WebsocketContext<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        if let Some(send_queue) = self.send_queue.take() {
            context.add_stream(send_queue);
        }
    }
}

/// Messages from the client. Their content is ignored; only the limits and the protocol are enforced.
impl StreamHandler<Result<Message, ProtocolError>> for SocketActor {
    fn handle(&mut self, message: Result<Message, ProtocolError>, context: &mut Self::Context) {
        if !self.messages.take(1, Instant::now()) {
            return self.close(context, CloseReason::OverBudget);
        }
        match message {
            Ok(Message::Ping(bytes)) => context.pong(&bytes),
            Ok(Message::Pong(_) | Message::Text(_) | Message::Binary(_) | Message::Nop) => {}
            Ok(Message::Continuation(_)) => self.close(context, CloseReason::Fragmented),
            Ok(Message::Close(reason)) => {
                self.writer.disable();
                context.close(reason);
                context.stop();
            }
            Err(ProtocolError::Overflow) => self.close(context, CloseReason::TooBig),
            // The connection is lost, or a text message was not UTF-8. The server sends no close frame.
            Err(ProtocolError::Io(_)) => context.stop(),
            Err(_) => self.close(context, CloseReason::Protocol),
        }
    }
}

/// Messages to the client.
impl StreamHandler<Outgoing> for SocketActor {
    fn handle(&mut self, message: Outgoing, context: &mut Self::Context) {
        match message {
            Outgoing::Frame(text) => context.text(text),
            Outgoing::Ping => context.ping(b""),
            Outgoing::Close(reason) => self.close(context, reason),
        }
    }
}
