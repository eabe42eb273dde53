//! Frames that bypass the task of a connection, mixed with what the task itself sends.

use std::collections::VecDeque;

use muster::config::LiveConfig;
use muster::domain::DealId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::feed::{Feed, client_frame, progress, unthrottled, version, with_deadline};

const TEXT: u8 = 0x81;
const PING: u8 = 0x89;
const PONG: u8 = 0x8A;

/// The next whole message: its first byte and its payload.
async fn message(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let first_byte = stream.read_u8().await.expect("cannot read a message");
    let length = match stream.read_u8().await.expect("cannot read the length") {
        126 => stream.read_u16().await.expect("cannot read the extended length"),
        short => short.into(),
    };
    let mut payload = vec![0; length.into()];
    stream.read_exact(&mut payload).await.expect("cannot read the payload");
    (first_byte, payload)
}

/// A frame bypasses the task only while the task has nothing left to write, and is completed before the task continues.
/// Now and then the kernel takes only the beginning of a frame or of a pong.
#[actix_web::test]
async fn a_reader_that_stalls_repeatedly_gets_whole_messages_and_every_pong() {
    const STALLS: usize = 12;
    /// Messages that are sent during each stall, and after it.
    const UNREAD: usize = 150;
    const READ: usize = 300;
    let feed = Feed::start(LiveConfig {
        send_buffer_bytes: 4096,
        messages_burst: usize::MAX,
        inbound_burst_bytes: usize::MAX,
        ..unthrottled()
    });
    let deal = DealId::generate();
    let mut fast = feed.watch(&[deal]).await;
    let mut stalling = feed.watch_raw(&[deal], Some(2048)).await;
    let (mut newest, mut seen, mut unanswered) = (0, 0, VecDeque::new());
    for step in 0..STALLS * (UNREAD + READ) {
        newest += 1;
        // Pings of many lengths, so that the kernel's buffer is full at another byte each time.
        let ping = vec![b'?'; step % 97];
        with_deadline(stalling.write_all(&client_frame(PING, &ping))).await.unwrap();
        unanswered.push_back(ping);
        feed.hub.offer(progress(deal, newest));
        assert_eq!(fast.rev().await, newest);
        if step % (UNREAD + READ) >= UNREAD {
            read(&mut stalling, &mut seen, &mut unanswered).await;
        }
    }
    while seen < newest || !unanswered.is_empty() {
        read(&mut stalling, &mut seen, &mut unanswered).await;
    }
}

/// Reads one message: a frame newer than `seen`, or the pong of the first of the `unanswered` pings.
async fn read(stream: &mut TcpStream, seen: &mut i64, unanswered: &mut VecDeque<Vec<u8>>) {
    match with_deadline(message(stream)).await {
        (TEXT, payload) => {
            let rev = version(std::str::from_utf8(&payload).expect("text")).1;
            assert!(rev > *seen, "{rev} after {seen}");
            *seen = rev;
        }
        (PONG, payload) => assert_eq!(Some(payload), unanswered.pop_front(), "a pong of another ping"),
        (other, payload) => panic!("{other:#x} {payload:?}"),
    }
}
