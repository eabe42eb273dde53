//! The public HTTP/1 server, over connections of type [`live::Connection`](crate::live::Connection).
//!
//! A `Connection` lets the live feed write WebSocket frames to the connection without going through HTTP.
//! `actix_web::HttpServer` supports only its own connection types, so this module builds the same server from its
//! parts.

use std::future::ready;
use std::io;
use std::net::{SocketAddr, TcpListener};

use actix_http::HttpService;
use actix_service::{ServiceFactoryExt, fn_service, map_config};
use actix_web::dev::{AppConfig, Server};
use actix_web::{App, web};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;

use crate::config::ServerConfig;
use crate::live::Connection;

/// Maximum connections waiting to be accepted.
const BACKLOG: i32 = 1_024;

/// Binds the public listener. Returns the server, which accepts connections once it is polled, and its address. Every
/// worker calls `configure`.
///
/// # Errors
/// The address cannot be bound.
pub fn listen<F>(config: &ServerConfig, configure: F) -> io::Result<(Server, SocketAddr)>
where
    F: Fn(&mut web::ServiceConfig) + Clone + Send + 'static,
{
    let listener = bind(config.bind)?;
    let address = listener.local_addr()?;
    let server = Server::build()
        .workers(config.worker_count())
        .max_concurrent_connections(config.connections_per_worker_max)
        .shutdown_timeout(config.drain.as_secs())
        .disable_signals();
    let ending = server.graceful_shutdown_signal();
    let (keep_alive, header_timeout) = (config.keep_alive, config.header_timeout);
    let serve = move || {
        let (ending, configure) = (ending.clone(), configure.clone());
        let app = map_config(App::new().configure(|routes| configure(routes)), |()| AppConfig::default());
        let http = HttpService::build()
            .keep_alive(keep_alive)
            .client_request_timeout(header_timeout)
            .local_addr(address)
            .graceful_shutdown_signal(move || {
                let ending = ending.clone();
                async move { ending.notified().await }
            })
            .on_connect_ext(|connection: &Connection, data| {
                data.insert(connection.clone());
            })
            .h1(app);
        fn_service(|stream: TcpStream| {
            let client = stream.peer_addr().ok();
            ready(Ok((Connection::new(stream), client)))
        })
        .and_then(http)
    };
    Ok((server.listen("http", listener, serve)?.run(), address))
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
