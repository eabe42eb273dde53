//! Watches all deals of a round over a live socket, logs every frame, and reconnects when the socket is lost.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_http::ws::{OpCode, Parser};
use anyhow::{Context, bail};
use bytes::BytesMut;
use data_encoding::BASE64;
use rand::RngExt;
use rand::rngs::StdRng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Round, lock};
use crate::domain::DealId;
use crate::engine::client_log::{Frame, Version};

const FRAME_BYTES_MAX: usize = 64 * 1024;
/// Maximum wait before reconnecting. Browsers wait longer.
const LONGEST_WAIT_MS: u64 = 1_000;
/// Deals change all the time during a round, so a socket that is silent for this long is broken.
const SILENCE_MAX: Duration = Duration::from_secs(6);
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(2);

/// The newest version of each deal that each open socket has shown.
#[derive(Default)]
pub(super) struct Shown(Mutex<HashMap<u64, BTreeMap<DealId, Version>>>);

impl Shown {
    /// Whether every watcher has an open socket that has shown at least these versions.
    pub(super) fn have_all(&self, versions: &BTreeMap<DealId, Version>) -> bool {
        let sockets = lock(&self.0);
        sockets.len() >= super::WATCHERS
            && sockets
                .values()
                .all(|seen| versions.iter().all(|(deal, version)| seen.get(deal).is_some_and(|shown| shown >= version)))
    }
}

/// Runs until the task is aborted. The socket that is open at that time counts as open in the audit.
pub(super) async fn run(round: Arc<Round>, mut rng: StdRng) {
    loop {
        let socket = round.log.new_socket();
        let node = round.any_node(&mut rng);
        if let Err(error) = watch(&round, socket, node).await {
            tracing::debug!(%error, node, "a live socket was lost");
        }
        if lock(&round.seen.0).remove(&socket).is_some()
            && let Err(error) = round.log.closed(socket)
        {
            round.observations.find(format!("cannot write the client log: {error}"));
        }
        let wait = rng.random_range(50..LONGEST_WAIT_MS);
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
}

async fn watch(round: &Round, socket: u64, node: usize) -> anyhow::Result<()> {
    let (mut connection, mut bytes) = tokio::time::timeout(UPGRADE_TIMEOUT, upgrade(round, node)).await??;
    loop {
        while let Some((_, code, payload)) = Parser::parse(&mut bytes, false, FRAME_BYTES_MAX)? {
            let payload = payload.unwrap_or_default();
            match code {
                OpCode::Text => record_frame(round, socket, &payload)?,
                OpCode::Ping => {
                    let mut pong = BytesMut::new();
                    Parser::write_message(&mut pong, &payload, OpCode::Pong, true, true);
                    connection.write_all(&pong).await?;
                }
                OpCode::Close => return Ok(()),
                _ => {}
            }
        }
        if tokio::time::timeout(SILENCE_MAX, connection.read_buf(&mut bytes)).await?? == 0 {
            return Ok(());
        }
    }
}

fn record_frame(round: &Round, socket: u64, text: &[u8]) -> anyhow::Result<()> {
    let text = std::str::from_utf8(text)?;
    round.log.frame(socket, text)?;
    let frame: Frame = serde_json::from_str(text)?;
    let mut sockets = lock(&round.seen.0);
    let shown = sockets.entry(socket).or_default().entry(frame.deal).or_insert_with(|| frame.version());
    *shown = frame.version().max(*shown);
    Ok(())
}

/// Opens a connection and upgrades it to a WebSocket. Returns it with the bytes that followed the response head.
async fn upgrade(round: &Round, node: usize) -> anyhow::Result<(TcpStream, BytesMut)> {
    let address = round.nodes.get(node).context("there is no such node")?;
    let deals: Vec<String> = round.deals.iter().map(|deal| format!("deal={}", deal.id)).collect();
    let key = BASE64.encode(uuid::Uuid::now_v7().as_bytes());
    let request = format!(
        "GET /api/v1/live?{} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n",
        deals.join("&")
    );
    let mut connection = TcpStream::connect(address).await?;
    connection.write_all(request.as_bytes()).await?;
    let mut bytes = BytesMut::new();
    loop {
        if connection.read_buf(&mut bytes).await? == 0 {
            bail!("the connection was closed during the upgrade");
        }
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = bytes.split_to(end + 4);
            if !head.starts_with(b"HTTP/1.1 101") {
                bail!("{}", String::from_utf8_lossy(&head).lines().next().unwrap_or_default());
            }
            return Ok((connection, bytes));
        }
    }
}
