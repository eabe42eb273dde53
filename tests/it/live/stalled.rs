//! Readers that stop reading, and clients that fall silent.

use std::time::Duration;

use muster::config::LiveConfig;
use muster::domain::DealId;
use tokio::io::AsyncWriteExt;

use super::feed::{Client, Feed, LOOK_EVERY, in_time, progress, raw_close_code, unpaced};

const NEVER: Duration = Duration::from_hours(1);
/// More than every buffer between the two ends can take.
const FRAMES: i64 = 2_000;
/// A message that no client may send.
const UNMASKED: &[u8] = b"\x81\x02hi";

/// Impatient: silence is noticed within two seconds (less, and a busy machine would make the innocent look silent), and the
/// kernel alone would not notice at all.
fn impatient() -> LiveConfig {
    LiveConfig {
        ping_every: Duration::from_millis(250),
        pong_timeout: Duration::from_secs(2),
        farewell_grace: Duration::from_millis(500),
        user_timeout: NEVER,
        send_buffer_bytes: 4096,
        // At this rate of pings, the answers alone exceed the usual budgets.
        messages_burst: usize::MAX,
        inbound_burst_bytes: usize::MAX,
        ..unpaced()
    }
}

/// Sends frames, each after the reader has the one before, so that none is skipped for him.
async fn send_frames(feed: &Feed, deal: DealId, reader: &mut Client) {
    for rev in 1..=FRAMES {
        feed.hub.offer(progress(deal, rev));
        assert_eq!(reader.rev().await, rev);
    }
}

#[actix_web::test]
async fn a_stalled_reader_is_cut_and_others_do_not_notice() {
    let feed = Feed::start(impatient());
    let deal = DealId::generate();
    let mut reader = feed.watch(&[deal]).await;
    let _stalled = feed.watch_raw(&[deal], Some(2048)).await;
    send_frames(&feed, deal, &mut reader).await;
    let reading = tokio::spawn(async move { while reader.next().await.is_some() {} });
    feed.has_open(1).await;
    assert!(!reading.is_finished(), "the one that reads stays");
    reading.abort();
}

#[cfg(target_os = "linux")]
#[actix_web::test]
async fn the_kernel_gives_a_stalled_reader_up_by_itself() {
    let patient = LiveConfig { user_timeout: Duration::from_millis(300), pong_timeout: NEVER, ..impatient() };
    let feed = Feed::start(patient);
    let deal = DealId::generate();
    let mut reader = feed.watch(&[deal]).await;
    let _stalled = feed.watch_raw(&[deal], Some(2048)).await;
    send_frames(&feed, deal, &mut reader).await;
    feed.has_open(1).await;
}

#[actix_web::test]
async fn a_stalled_reader_does_not_hold_a_shutdown_up() {
    let feed = Feed::start(LiveConfig { pong_timeout: NEVER, ..impatient() });
    let deal = DealId::generate();
    let mut reader = feed.watch(&[deal]).await;
    let _stalled = feed.watch_raw(&[deal], Some(2048)).await;
    send_frames(&feed, deal, &mut reader).await;
    let hub = feed.hub.clone();
    let draining = tokio::spawn(async move { hub.sockets().drain(Duration::from_secs(2)).await });
    assert_eq!(reader.close_code().await, Some(1012));
    in_time(draining).await.unwrap();
    feed.has_open(0).await;
}

#[actix_web::test]
async fn a_connection_that_outlives_its_socket_is_cut() {
    let feed = Feed::start(LiveConfig { pong_timeout: NEVER, ..impatient() });
    let deal = DealId::generate();
    let mut reader = feed.watch(&[deal]).await;
    let mut stalled = feed.watch_raw(&[deal], Some(2048)).await;
    // Enough for the kernel to take no more, not enough for the socket to stand still: it hears that it must go, and cannot
    // say so.
    for rev in 1..=100 {
        feed.hub.offer(progress(deal, rev));
        assert_eq!(reader.rev().await, rev);
    }
    stalled.write_all(UNMASKED).await.unwrap();
    feed.has_open(1).await;
    let mut pieces = tokio::time::interval(LOOK_EVERY);
    in_time(async {
        while stalled.write_all(&[0; 16]).await.is_ok() {
            pieces.tick().await;
        }
    })
    .await;
}

#[actix_web::test]
async fn a_client_that_answers_no_ping_is_sent_away() {
    let feed = Feed::start(impatient());
    let mut client = feed.watch_raw(&[DealId::generate()], None).await;
    feed.has_open(1).await;
    assert_eq!(raw_close_code(&mut client).await, Some(1008));
}

#[actix_web::test]
async fn a_client_that_answers_pings_stays() {
    let feed = Feed::start(impatient());
    let deal = DealId::generate();
    let mut client = feed.watch(&[deal]).await;
    let _silent = feed.watch_raw(&[deal], None).await;
    // By the time that the silent one is gone, the other would be too.
    let hub = feed.hub.clone();
    let answering = tokio::spawn(async move { client.rev().await });
    feed.has_open(1).await;
    hub.offer(progress(deal, 1));
    assert_eq!(answering.await.unwrap(), 1);
}
