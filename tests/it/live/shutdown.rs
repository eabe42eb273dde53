//! How sockets end when the node goes down.

use muster::domain::DealId;
use muster::live::Settings;
use tokio::time::Instant;

use super::feed::{Feed, in_time, progress, unpaced};
use std::time::Duration;

#[actix_web::test]
async fn a_node_that_goes_down_sends_its_sockets_elsewhere_and_takes_no_more() {
    let feed = Feed::start(unpaced()).await;
    let deal = DealId::generate();
    let mut clients = [feed.watch(&[deal]).await, feed.watch(&[deal]).await];
    let hub = feed.hub.clone();
    let draining = tokio::spawn(async move { hub.sockets().drain().await });
    for client in &mut clients {
        assert_eq!(client.close_code().await, Some(1012));
    }
    in_time(draining).await.unwrap();
    assert_eq!(feed.hub.sockets().count(), 0);
    assert_eq!(feed.try_watch(&[deal], None).await.err(), Some(503));
}

#[actix_web::test]
async fn sockets_are_closed_slice_by_slice() {
    let feed = Feed::start(Settings { drain_percent_per_s: 50, ..unpaced() }).await;
    let deal = DealId::generate();
    let mut clients = Vec::new();
    for _ in 0..44 {
        clients.push(feed.watch(&[deal]).await);
    }
    let start = Instant::now();
    let hub = feed.hub.clone();
    let draining = tokio::spawn(async move { hub.sockets().drain().await });
    feed.has_open(22).await;
    // The other half is still served.
    feed.hub.offer(progress(deal, 1));
    let mut served = 0;
    for client in &mut clients {
        match client.next().await {
            Some(message) if message.is_text() => served += 1,
            _ => {}
        }
    }
    assert_eq!(served, 22);
    in_time(draining).await.unwrap();
    assert!(start.elapsed() >= Duration::from_secs(1));
}

#[actix_web::test]
async fn a_stalled_reader_does_not_hold_the_node_up() {
    let settings = Settings { send_buffer_bytes: 4096, farewell_grace: Duration::from_millis(200), ..unpaced() };
    let feed = Feed::start(settings).await;
    let deal = DealId::generate();
    let mut reader = feed.watch(&[deal]).await;
    let _stalled = feed.watch_raw(&[deal], Some(2048)).await;
    for rev in 1..=2_000 {
        feed.hub.offer(progress(deal, rev));
        assert_eq!(reader.rev().await, rev);
    }
    in_time(feed.hub.sockets().drain()).await;
    feed.has_open(0).await;
}
