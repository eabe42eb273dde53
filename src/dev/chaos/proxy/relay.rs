//! Relays one connection over a link.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;

use super::Mode;

const BUFFER_BYTES: usize = 64 * 1024;

/// SQL texts that identify the connection of a lane.
const LANE_CALLS: [&[u8]; 2] = [b"FROM commit_signups(", b"FROM commit_leaves("];
/// First byte of the reply to an executed statement: `BindComplete` in the Postgres protocol. Postgres sends the reply
/// after it has committed.
const BIND_COMPLETE: u8 = b'2';

/// A side of a connection.
pub(super) trait Side: AsyncRead + AsyncWrite + Unpin {
    /// Makes the peer see a reset instead of an orderly close when this is dropped.
    fn reset(&self);
}

impl Side for TcpStream {
    fn reset(&self) {
        SockRef::from(self).set_linger(Some(Duration::ZERO)).ok();
    }
}

impl Side for UnixStream {
    /// Unix sockets cannot be reset.
    fn reset(&self) {}
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Requests,
    Replies,
}

enum End {
    /// Either side closed the connection, or the link cut it.
    Dropped,
    /// The client side must see a reset.
    ResetClient,
    /// The client side reset the connection, so the upstream side must see a reset too.
    ResetUpstream,
}

/// State that both directions of a connection share.
#[derive(Default)]
struct ConnectionState {
    is_lane: AtomicBool,
    answers: AtomicU32,
}

/// Relays bytes until either side closes or the link ends the connection. Then both sides are closed.
pub(super) async fn run(mut client: impl Side, mut upstream: impl Side, mode: &watch::Receiver<Mode>) {
    let state = ConnectionState::default();
    let end = {
        let (from_client, to_client) = tokio::io::split(&mut client);
        let (from_upstream, to_upstream) = tokio::io::split(&mut upstream);
        tokio::select! {
            end = pump(from_client, to_upstream, Direction::Requests, &state, mode.clone()) => end,
            end = pump(from_upstream, to_client, Direction::Replies, &state, mode.clone()) => end,
        }
    };
    match end {
        End::Dropped => {}
        End::ResetClient => client.reset(),
        End::ResetUpstream => upstream.reset(),
    }
}

async fn pump<F: AsyncRead, T: AsyncWrite>(
    mut from: ReadHalf<F>,
    mut to: WriteHalf<T>,
    direction: Direction,
    state: &ConnectionState,
    mut mode: watch::Receiver<Mode>,
) -> End {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut cut = mode.clone();
    loop {
        let length = tokio::select! {
            biased;
            _ = cut.wait_for(|mode| *mode == Mode::Cut) => return End::Dropped,
            read = from.read(&mut buffer) => match read {
                Ok(length @ 1..) => length,
                Err(_) if direction == Direction::Requests => return End::ResetUpstream,
                _ => return End::Dropped,
            },
        };
        let bytes = buffer.get(..length).unwrap_or_default();
        if direction == Direction::Requests && LANE_CALLS.iter().any(|call| contains(bytes, call)) {
            state.is_lane.store(true, Ordering::Relaxed);
        }
        if let Some(end) = state.apply_mode(direction, bytes, &mut mode).await {
            return end;
        }
        if to.write_all(bytes).await.is_err() {
            return End::Dropped;
        }
    }
}

impl ConnectionState {
    /// Applies the current mode: waits, or returns how to end the connection.
    async fn apply_mode(&self, direction: Direction, bytes: &[u8], mode: &mut watch::Receiver<Mode>) -> Option<End> {
        loop {
            let now = *mode.borrow_and_update();
            match now {
                Mode::Cut => return Some(End::Dropped),
                Mode::Silent => {
                    if mode.changed().await.is_err() {
                        return Some(End::Dropped);
                    }
                    continue;
                }
                Mode::Delay(by) => tokio::time::sleep(by).await,
                Mode::Slow { bytes_per_second } => {
                    let millis = bytes.len() as u64 * 1000 / u64::from(bytes_per_second.max(1));
                    tokio::time::sleep(Duration::from_millis(millis)).await;
                }
                Mode::ResetOnReply { every } if direction == Direction::Replies && self.is_due(every) => {
                    return Some(End::ResetClient);
                }
                Mode::CutOnCommit { every }
                    if direction == Direction::Replies
                        && self.is_lane.load(Ordering::Relaxed)
                        && bytes.first() == Some(&BIND_COMPLETE)
                        && self.is_due(every) =>
                {
                    return Some(End::Dropped);
                }
                Mode::DelayReplies(by) if direction == Direction::Replies => tokio::time::sleep(by).await,
                Mode::Pass | Mode::DelayReplies(_) | Mode::ResetOnReply { .. } | Mode::CutOnCommit { .. } => {}
            }
            return None;
        }
    }

    fn is_due(&self, every: u32) -> bool {
        (self.answers.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(every.max(1))
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
