//! Clients that flood, and clients that violate the protocol.

use std::pin::Pin;
use std::sync::Weak;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::Stream;
use muster::config::LiveConfig;
use muster::domain::DealId;
use muster::live::inbound_limit::LimitedPayload;
use muster::live::token_bucket::TokenBucket;
use tokio::io::AsyncWriteExt;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use super::feed::{Feed, client_frame, hub, progress, raw_close_code, throttled, unthrottled, with_deadline};

const TEXT: u8 = 0x81;
const TEXT_UNFINISHED: u8 = 0x01;
const PONG: u8 = 0x8A;
const FLOOD_BYTES: usize = 256 << 20;
const GROWTH_MAX_BYTES: usize = 64 << 20;

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("pages");
    pages * 4096
}

#[cfg(target_os = "linux")]
#[actix_web::test]
async fn a_flood_of_tiny_messages_is_cut_off_without_memory_growth() {
    // This test does not limit messages, so the byte limit must stop the flood.
    let feed = Feed::start(LiveConfig { messages_burst: usize::MAX, ..unthrottled() });
    let deal = DealId::generate();
    let mut bystander = feed.watch(&[deal]).await;
    let mut flooder = feed.watch_raw(&[deal], None).await;
    feed.wait_for_open_sockets(2).await;
    let before = resident_bytes();
    // Pongs, because they are not answered: the answers would slow a flood of pings down.
    let pongs = client_frame(PONG, b"").repeat(100_000);
    let mut sent = 0;
    let mut peak = before;
    while sent < FLOOD_BYTES && with_deadline(flooder.write_all(&pongs)).await.is_ok() {
        sent += pongs.len();
        peak = peak.max(resident_bytes());
    }
    assert!(peak.saturating_sub(before) < GROWTH_MAX_BYTES, "grew by {} bytes", peak - before);
    feed.wait_for_open_sockets(1).await;
    feed.hub.offer(progress(deal, 1));
    assert_eq!(bystander.rev().await, 1);
}

#[tokio::test]
async fn bytes_over_the_budget_never_reach_the_codec() {
    let config = throttled();
    let hub = hub(config.clone());
    let registration = hub.sockets().register([192, 0, 2, 1].into(), Weak::new()).unwrap();
    let chunks = std::iter::repeat_with(|| Ok(Bytes::from_static(&[0; 1024]))).take(100);
    let stream = futures_util::stream::iter(chunks);
    let bucket = TokenBucket::new(config.inbound_burst_bytes, config.inbound_bytes_per_second, Instant::now());
    let mut stream = LimitedPayload::new(stream, bucket, registration.control());
    let mut passed = 0;
    while let Poll::Ready(Some(Ok(chunk))) = Pin::new(&mut stream).poll_next(&mut Context::from_waker(Waker::noop())) {
        passed += chunk.len();
    }
    assert!((16 * 1024..=17 * 1024).contains(&passed), "{passed} bytes passed");
}

#[actix_web::test]
async fn a_burst_of_bytes_over_the_limit_closes_the_socket() {
    let feed = Feed::start(LiveConfig { messages_burst: 1_000, ..unthrottled() });
    let mut client = feed.watch(&[DealId::generate()]).await;
    for _ in 0..6 {
        client.send(Message::text("x".repeat(4_000))).await;
    }
    assert_eq!(client.close_code().await, Some(1008));
}

#[actix_web::test]
async fn too_many_messages_close_the_socket() {
    let feed = Feed::start(unthrottled());
    let mut client = feed.watch(&[DealId::generate()]).await;
    for _ in 0..21 {
        client.send(Message::text("")).await;
    }
    assert_eq!(client.close_code().await, Some(1008));
}

#[actix_web::test]
async fn messages_within_the_limit_keep_the_socket_open() {
    let feed = Feed::start(unthrottled());
    let deal = DealId::generate();
    let mut client = feed.watch(&[deal]).await;
    for _ in 0..20 {
        client.send(Message::text("hello")).await;
    }
    feed.hub.offer(progress(deal, 1));
    assert_eq!(client.rev().await, 1);
}

#[actix_web::test]
async fn an_oversize_message_closes_the_socket() {
    let feed = Feed::start(unthrottled());
    let mut client = feed.watch(&[DealId::generate()]).await;
    client.send(Message::text("x".repeat(4_097))).await;
    assert_eq!(client.close_code().await, Some(1009));
}

#[actix_web::test]
async fn a_fragmented_message_closes_the_socket() {
    let feed = Feed::start(unthrottled());
    let mut client = feed.watch_raw(&[DealId::generate()], None).await;
    client.write_all(&client_frame(TEXT_UNFINISHED, b"half of it")).await.unwrap();
    assert_eq!(raw_close_code(&mut client).await, Some(1003));
}

#[actix_web::test]
async fn an_unmasked_message_closes_the_socket() {
    let feed = Feed::start(unthrottled());
    let mut client = feed.watch_raw(&[DealId::generate()], None).await;
    client.write_all(&[TEXT, 2, b'h', b'i']).await.unwrap();
    assert_eq!(raw_close_code(&mut client).await, Some(1002));
}
