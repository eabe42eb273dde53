//! One connection over a link.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::watch;

use super::Mode;

const BUFFER_BYTES: usize = 64 * 1024;

/// The calls by which a lane's connection is known.
const CALLS_OF_LANES: [&[u8]; 2] = [b"FROM commit_signups(", b"FROM commit_leaves("];
/// First byte of the answer to a statement that was executed (`BindComplete` in Postgres' protocol). Postgres commits before
/// it sends any of it.
const BIND_COMPLETE: u8 = b'2';

/// A side of a connection.
pub(super) trait Side: AsyncRead + AsyncWrite + Unpin {
    /// Lets the other end see a reset instead of an orderly end, once this is dropped.
    fn reset(&self);
}

impl Side for TcpStream {
    fn reset(&self) {
        SockRef::from(self).set_linger(Some(Duration::ZERO)).ok();
    }
}

impl Side for UnixStream {
    /// Unix sockets know no reset.
    fn reset(&self) {}
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Questions,
    Answers,
}

enum End {
    /// Either side ended it, or it was cut.
    Dropped,
    /// The near side sees a reset.
    ResetNear,
    /// The far side sees a reset, because the near side made one.
    ResetFar,
}

/// What both directions know.
#[derive(Default)]
struct Conversation {
    is_lane: AtomicBool,
    answers: AtomicU32,
}

/// Relays until either side ends, or the link does something to it: then both connections are dropped.
pub(super) async fn run(mut near: impl Side, mut far: impl Side, mode: &watch::Receiver<Mode>) {
    let conversation = Conversation::default();
    let end = {
        let (from_near, to_near) = tokio::io::split(&mut near);
        let (from_far, to_far) = tokio::io::split(&mut far);
        tokio::select! {
            end = pump(from_near, to_far, Direction::Questions, &conversation, mode.clone()) => end,
            end = pump(from_far, to_near, Direction::Answers, &conversation, mode.clone()) => end,
        }
    };
    match end {
        End::Dropped => {}
        End::ResetNear => near.reset(),
        End::ResetFar => far.reset(),
    }
}

async fn pump<F: AsyncRead, T: AsyncWrite>(
    mut from: ReadHalf<F>,
    mut to: WriteHalf<T>,
    direction: Direction,
    conversation: &Conversation,
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
                Err(_) if direction == Direction::Questions => return End::ResetFar,
                _ => return End::Dropped,
            },
        };
        let bytes = buffer.get(..length).unwrap_or_default();
        if direction == Direction::Questions && CALLS_OF_LANES.iter().any(|call| contains(bytes, call)) {
            conversation.is_lane.store(true, Ordering::Relaxed);
        }
        if let Some(end) = conversation.judge(direction, bytes, &mut mode).await {
            return end;
        }
        if to.write_all(bytes).await.is_err() {
            return End::Dropped;
        }
    }
}

impl Conversation {
    /// Waits as long as the link wants, or says how it ends the connection.
    async fn judge(&self, direction: Direction, bytes: &[u8], mode: &mut watch::Receiver<Mode>) -> Option<End> {
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
                Mode::ResetOnAnswer { every } if direction == Direction::Answers && self.is_due(every) => {
                    return Some(End::ResetNear);
                }
                Mode::CutOnCommit { every }
                    if direction == Direction::Answers
                        && self.is_lane.load(Ordering::Relaxed)
                        && bytes.first() == Some(&BIND_COMPLETE)
                        && self.is_due(every) =>
                {
                    return Some(End::Dropped);
                }
                Mode::DelayAnswers(by) if direction == Direction::Answers => tokio::time::sleep(by).await,
                Mode::Pass | Mode::DelayAnswers(_) | Mode::ResetOnAnswer { .. } | Mode::CutOnCommit { .. } => {}
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
