//! An HTTP/1.1 client for what wrk cannot measure: an open model, and latencies by status.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

/// One response.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    pub status: u16,
    /// Latency in milliseconds since the request was due, so waiting for a free connection counts.
    pub since_due_ms: f64,
    /// Latency in milliseconds since the request was sent.
    pub since_sent_ms: f64,
}

/// A persistent connection.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub async fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Sends a request and returns the status and body of the response.
    pub async fn send(&mut self, request: &[u8]) -> Result<(u16, Vec<u8>)> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let end = loop {
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            anyhow::ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the connection was closed");
        };
        let head = String::from_utf8_lossy(self.buffer.get(..end).unwrap_or_default()).to_lowercase();
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).context("the response has no status")?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
        let length: usize = length.unwrap_or(0);
        while self.buffer.len() < end + length {
            anyhow::ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the connection was closed");
        }
        Ok((status, self.buffer.split_off(end)))
    }
}

/// Sends `rate` requests a second for `seconds`, over `connections` connections.
pub async fn open_model(
    address: &str,
    connections: usize,
    rate: f64,
    seconds: u64,
    request: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
) -> Result<Vec<Answer>> {
    let (next, request) = (Arc::new(AtomicUsize::new(0)), Arc::new(request));
    let mut opened = Vec::new();
    for _ in 0..connections {
        opened.push(Connection::open(address).await?);
    }
    let start = Instant::now() + Duration::from_millis(50);
    let until = start + Duration::from_secs(seconds);
    let mut tasks = tokio::task::JoinSet::new();
    for mut connection in opened {
        let (next, request) = (Arc::clone(&next), Arc::clone(&request));
        tasks.spawn(async move {
            let mut answers = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let due = start + Duration::from_secs_f64(number as f64 / rate);
                if due >= until || Instant::now() >= until {
                    return Ok::<_, anyhow::Error>(answers);
                }
                tokio::time::sleep_until(due).await;
                let sent = Instant::now();
                let (status, _body) = connection.send(&request(number)).await?;
                let now = Instant::now();
                answers.push(Answer {
                    status,
                    since_due_ms: (now - due).as_secs_f64() * 1e3,
                    since_sent_ms: (now - sent).as_secs_f64() * 1e3,
                });
            }
        });
    }
    let mut all = Vec::new();
    while let Some(done) = tasks.join_next().await {
        all.extend(done??);
    }
    Ok(all)
}

/// An HTTP request that joins a deal.
pub fn join_request(deal: &str, token: &str, key: &str) -> Vec<u8> {
    format!(
        "POST /api/v1/deals/{deal}/signups HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nIdempotency-Key: {key}\r\nContent-Length: 11\r\n\r\n{{\"units\":1}}"
    )
    .into_bytes()
}
