//! Frames that go past the task of a socket, beside what the task itself sends.

use std::collections::VecDeque;

use muster::config::LiveConfig;
use muster::domain::DealId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::feed::{Feed, client_frame, in_time, progress, unpaced, version};

const TEXT: u8 = 0x81;
const PONG: u8 = 0x8A;

/// The next whole message: its first byte and what it says.
async fn message(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let first_byte = stream.read_u8().await.expect("a message");
    let length = match stream.read_u8().await.expect("a length") {
        126 => stream.read_u16().await.expect("a longer length"),
        short => short.into(),
    };
    let mut payload = vec![0; length.into()];
    stream.read_exact(&mut payload).await.expect("a payload");
    (first_byte, payload)
}

/// A frame is written past the task of its socket only when the task has nothing left to write, and is ended before the task
/// goes on: the kernel takes the beginning of one now and then, and of a pong.
#[actix_web::test]
async fn a_reader_who_stalls_again_and_again_finds_every_message_whole_and_every_ping_answered() {
    const STALLS: usize = 12;
    const UNREAD: usize = 150;
    const READ: usize = 300;
    let feed = Feed::start(LiveConfig {
        send_buffer_bytes: 4096,
        messages_burst: usize::MAX,
        inbound_burst_bytes: usize::MAX,
        ..unpaced()
    });
    let deal = DealId::generate();
    let mut reader = feed.watch(&[deal]).await;
    let mut slow = feed.watch_raw(&[deal], Some(2048)).await;
    let (mut newest, mut seen, mut unanswered) = (0, 0, VecDeque::new());
    for step in 0..STALLS * (UNREAD + READ) {
        newest += 1;
        // Pings of all lengths, so that the kernel is full at another place each time.
        let said = vec![b'?'; step % 97];
        in_time(slow.write_all(&client_frame(0x89, &said))).await.unwrap();
        unanswered.push_back(said);
        feed.hub.offer(progress(deal, newest));
        assert_eq!(reader.rev().await, newest);
        if step % (UNREAD + READ) >= UNREAD {
            read(&mut slow, &mut seen, &mut unanswered).await;
        }
    }
    while seen < newest || !unanswered.is_empty() {
        read(&mut slow, &mut seen, &mut unanswered).await;
    }
}

/// Reads one message: a frame that is newer than what was `seen`, or the pong of the first ping that is `unanswered`.
async fn read(slow: &mut TcpStream, seen: &mut i64, unanswered: &mut VecDeque<Vec<u8>>) {
    match in_time(message(slow)).await {
        (TEXT, payload) => {
            let rev = version(std::str::from_utf8(&payload).expect("text")).1;
            assert!(rev > *seen, "{rev} after {seen}");
            *seen = rev;
        }
        (PONG, payload) => assert_eq!(Some(payload), unanswered.pop_front(), "the pong of another ping"),
        (other, payload) => panic!("{other:#x} {payload:?}"),
    }
}
