//! Executes every script twice, as a client does that repeats a call whose reply was lost.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;

const END: &[u8] = b"the other execution is over";

/// Copies commands to Redis. Executes each script over a second connection first.
pub async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    redis: &Path,
    doubled: &AtomicUsize,
) {
    let Ok(mut second) = UnixStream::connect(redis).await else { return };
    let (mut bytes, mut waiting) = (vec![0; 256 * 1024], Vec::new());
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        waiting.extend_from_slice(&bytes[..length]);
        while let Some(length) = command_length(&waiting) {
            let command: Vec<u8> = waiting.drain(..length).collect();
            if command.windows(7).take(32).any(|window| window == b"EVALSHA") {
                doubled.fetch_add(1, Ordering::SeqCst);
                execute(&mut second, &command).await;
            }
            if to.write_all(&command).await.is_err() {
                return;
            }
        }
    }
}

/// Executes a command and waits until its reply has arrived.
async fn execute(second: &mut UnixStream, command: &[u8]) {
    let end = [format!("*2\r\n$4\r\nECHO\r\n${}\r\n", END.len()).as_bytes(), END, b"\r\n"].concat();
    second.write_all(&[command, &end].concat()).await.unwrap();
    let (mut answer, mut bytes) = (Vec::new(), vec![0; 64 * 1024]);
    while !answer.windows(END.len()).any(|window| window == END) {
        let length = second.read(&mut bytes).await.unwrap();
        assert!(length > 0, "Redis has closed the second connection");
        answer.extend_from_slice(&bytes[..length]);
    }
}

/// The length of the first command if it is complete: an array of strings, each after its length.
fn command_length(bytes: &[u8]) -> Option<usize> {
    let (count, mut at) = number(bytes, 0, b'*')?;
    for _ in 0..count {
        let (length, begin) = number(bytes, at, b'$')?;
        at = begin + length + 2;
    }
    (at <= bytes.len()).then_some(at)
}

/// The number after this marker, and where the next line begins.
fn number(bytes: &[u8], at: usize, mark: u8) -> Option<(usize, usize)> {
    let line = bytes.get(at..)?;
    assert!(line.first().is_none_or(|first| *first == mark), "not a command: {:?}", String::from_utf8_lossy(line));
    let end = line.windows(2).position(|window| window == b"\r\n")?;
    Some((std::str::from_utf8(&line[1..end]).unwrap().parse().unwrap(), at + end + 2))
}
