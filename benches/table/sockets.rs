//! Thousands of WebSockets that count frames and remember the newest rev that each has received.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The number of sockets that are opened concurrently.
const GROUP: usize = 100;
const CHECK_EVERY: Duration = Duration::from_millis(2);
const PATIENCE: Duration = Duration::from_secs(20);
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// The state that all sockets share.
struct Shared {
    frames: AtomicU64,
    open: AtomicUsize,
    opened: Notify,
    /// The newest rev that each socket has received.
    newest_revs: Vec<AtomicI64>,
}

/// Open sockets. Dropping this closes them.
pub struct Sockets {
    shared: Arc<Shared>,
    tasks: JoinSet<Result<()>>,
}

impl Sockets {
    /// Opens this many sockets in groups of 100, and waits until each full group is open.
    pub async fn open(address: &str, path: &str, count: usize) -> Result<Self> {
        let shared = Arc::new(Shared {
            frames: AtomicU64::new(0),
            open: AtomicUsize::new(0),
            opened: Notify::new(),
            newest_revs: std::iter::repeat_with(|| AtomicI64::new(0)).take(count).collect(),
        });
        let mut tasks = JoinSet::new();
        let request = Arc::new(format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{UPGRADE}"));
        for number in 0..count {
            tasks.spawn(listen(address.to_owned(), Arc::clone(&request), Arc::clone(&shared), number));
            // Wait for each group, because the backlog of a listener is short.
            if number % GROUP == GROUP - 1 {
                let all = async {
                    while shared.open.load(Ordering::Relaxed) <= number {
                        shared.opened.notified().await;
                    }
                };
                if tokio::time::timeout(PATIENCE, all).await.is_err() {
                    while let Some(Ok(done)) = tasks.try_join_next() {
                        done?;
                    }
                    anyhow::bail!("only {} sockets of {count} were opened", shared.open.load(Ordering::Relaxed));
                }
            }
        }
        Ok(Self { shared, tasks })
    }

    /// The frames received so far by all sockets.
    pub fn frames(&self) -> u64 {
        self.shared.frames.load(Ordering::Relaxed)
    }

    /// Waits until every socket has received this rev or a newer one. Returns the milliseconds since `from`, with an
    /// error of at most two.
    pub async fn all_received(&self, rev: i64, from: Instant) -> Result<f64> {
        let mut checks = tokio::time::interval(CHECK_EVERY);
        while !self.shared.newest_revs.iter().all(|newest| newest.load(Ordering::Relaxed) >= rev) {
            anyhow::ensure!(from.elapsed() < PATIENCE, "not every socket received rev {rev}");
            checks.tick().await;
        }
        Ok(from.elapsed().as_secs_f64() * 1e3)
    }

    pub async fn close(mut self) {
        self.tasks.shutdown().await;
    }
}

async fn listen(address: String, request: Arc<String>, shared: Arc<Shared>, number: usize) -> Result<()> {
    let mut stream = TcpStream::connect(&address).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut buffer = Vec::with_capacity(1024);
    let end = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        anyhow::ensure!(stream.read_buf(&mut buffer).await? > 0, "closed while opening");
    };
    anyhow::ensure!(buffer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&buffer));
    buffer.drain(..end);
    shared.open.fetch_add(1, Ordering::Relaxed);
    shared.opened.notify_one();
    loop {
        while let Some((kind, payload, used)) = frame(&buffer) {
            match kind {
                1 => {
                    shared.frames.fetch_add(1, Ordering::Relaxed);
                    if let (Some(rev), Some(newest)) = (rev(payload), shared.newest_revs.get(number)) {
                        newest.store(rev, Ordering::Relaxed);
                    }
                }
                // A ping. The reply is an empty pong, masked with zeros because clients must mask.
                9 => stream.write_all(&[0x8A, 0x80, 0, 0, 0, 0]).await?,
                _ => {}
            }
            buffer.drain(..used);
        }
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}

/// The first complete frame with a payload of up to 65,535 bytes: its opcode, its payload, and the length of the whole
/// frame. Frames of a server are never masked.
fn frame(buffer: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (head, length) = match buffer.get(1)? & 127 {
        126 => (4, usize::from(u16::from_be_bytes([*buffer.get(2)?, *buffer.get(3)?]))),
        127 => return None,
        short => (2, usize::from(short)),
    };
    Some((buffer.first()? & 15, buffer.get(head..head + length)?, head + length))
}

/// The rev in a frame, without parsing all of its JSON.
fn rev(payload: &[u8]) -> Option<i64> {
    const NAME: &[u8] = b"\"rev\":";
    let at = payload.windows(NAME.len()).position(|window| window == NAME)? + NAME.len();
    let digits: Vec<u8> = payload.iter().skip(at).copied().take_while(u8::is_ascii_digit).collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
}
