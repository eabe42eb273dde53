//! Clients that stop reading, and clients that fall silent.

use std::time::Duration;

use muster::config::LiveConfig;
use muster::domain::DealId;
use tokio::io::AsyncWriteExt;

use super::feed::{CHECK_EVERY, Client, Feed, progress, raw_close_code, unthrottled, with_deadline};

const NEVER: Duration = Duration::from_hours(1);
/// More than all buffers between the two ends can hold.
const FRAMES: i64 = 2_000;
/// An unmasked message, which a client must not send.
const UNMASKED: &[u8] = b"\x81\x02hi";

/// Notices silence within two seconds, and disables the kernel's own timeout. A shorter limit would cut off live
/// clients on a busy machine.
fn short_timeouts() -> LiveConfig {
    LiveConfig {
        ping_every: Duration::from_millis(250),
        pong_timeout: Duration::from_secs(2),
        farewell_grace: Duration::from_millis(500),
        user_timeout: NEVER,
        send_buffer_bytes: 4096,
        // At this rate of pings, the pongs alone exceed the default limits.
        messages_burst: usize::MAX,
        inbound_burst_bytes: usize::MAX,
        ..unthrottled()
    }
}

/// Sends frames, each after the reader got the one before, so none is skipped for that reader.
async fn send_frames(feed: &Feed, deal: DealId, reader: &mut Client) {
    for rev in 1..=FRAMES {
        feed.hub.offer(progress(deal, rev));
        assert_eq!(reader.rev().await, rev);
    }
}

#[actix_web::test]
async fn a_stalled_reader_is_disconnected_without_affecting_others() {
    let feed = Feed::start(short_timeouts());
    let deal = DealId::generate();
    let mut reader = feed.watch(&[deal]).await;
    let _stalled = feed.watch_raw(&[deal], Some(2048)).await;
    send_frames(&feed, deal, &mut reader).await;
    let reading = tokio::spawn(async move { while reader.next().await.is_some() {} });
    feed.wait_for_open_sockets(1).await;
    assert!(!reading.is_finished(), "the client that reads stays connected");
    reading.abort();
}

#[cfg(target_os = "linux")]
#[actix_web::test]
async fn the_kernel_times_out_a_stalled_reader() {
    let patient = LiveConfig { user_timeout: Duration::from_millis(300), pong_timeout: NEVER, ..short_timeouts() };
    let feed = Feed::start(patient);
    let deal = DealId::generate();
    let mut reader = feed.watch(&[deal]).await;
    let _stalled = feed.watch_raw(&[deal], Some(2048)).await;
    send_frames(&feed, deal, &mut reader).await;
    feed.wait_for_open_sockets(1).await;
}

#[actix_web::test]
async fn a_stalled_reader_does_not_delay_shutdown() {
    let feed = Feed::start(LiveConfig { pong_timeout: NEVER, ..short_timeouts() });
    let deal = DealId::generate();
    let mut reader = feed.watch(&[deal]).await;
    let _stalled = feed.watch_raw(&[deal], Some(2048)).await;
    send_frames(&feed, deal, &mut reader).await;
    let hub = feed.hub.clone();
    let draining = tokio::spawn(async move { hub.sockets().drain(Duration::from_secs(2)).await });
    assert_eq!(reader.close_code().await, Some(1012));
    with_deadline(draining).await.unwrap();
    feed.wait_for_open_sockets(0).await;
}

#[actix_web::test]
async fn a_connection_that_outlives_its_socket_is_closed() {
    let feed = Feed::start(LiveConfig { pong_timeout: NEVER, ..short_timeouts() });
    let deal = DealId::generate();
    let mut reader = feed.watch(&[deal]).await;
    let mut stalled = feed.watch_raw(&[deal], Some(2048)).await;
    // Enough to fill the kernel's buffer, but not to block the socket's task. The task learns that it must close and
    // cannot send the close frame.
    for rev in 1..=100 {
        feed.hub.offer(progress(deal, rev));
        assert_eq!(reader.rev().await, rev);
    }
    stalled.write_all(UNMASKED).await.unwrap();
    feed.wait_for_open_sockets(1).await;
    let mut pieces = tokio::time::interval(CHECK_EVERY);
    with_deadline(async {
        while stalled.write_all(&[0; 16]).await.is_ok() {
            pieces.tick().await;
        }
    })
    .await;
}

#[actix_web::test]
async fn a_client_that_answers_no_pings_is_disconnected() {
    let feed = Feed::start(short_timeouts());
    let mut client = feed.watch_raw(&[DealId::generate()], None).await;
    feed.wait_for_open_sockets(1).await;
    assert_eq!(raw_close_code(&mut client).await, Some(1008));
}

#[actix_web::test]
async fn a_client_that_answers_pings_stays_connected() {
    let feed = Feed::start(short_timeouts());
    let deal = DealId::generate();
    let mut client = feed.watch(&[deal]).await;
    let _silent = feed.watch_raw(&[deal], None).await;
    // Once the silent client is disconnected, the other would be disconnected, too, if it had not answered.
    let hub = feed.hub.clone();
    let answering = tokio::spawn(async move { client.rev().await });
    feed.wait_for_open_sockets(1).await;
    hub.offer(progress(deal, 1));
    assert_eq!(answering.await.unwrap(), 1);
}
