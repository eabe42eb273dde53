//! How sockets end when the node goes down.

use muster::domain::DealId;
use std::time::Duration;

use muster::config::LiveConfig;
use tokio::time::Instant;
const WITHIN: Duration = Duration::from_secs(20);

use super::feed::{Feed, in_time, unpaced};

#[actix_web::test]
async fn a_node_that_goes_down_sends_its_sockets_elsewhere_and_takes_no_more() {
    let feed = Feed::start(unpaced());
    let deal = DealId::generate();
    let mut clients = [feed.watch(&[deal]).await, feed.watch(&[deal]).await];
    let hub = feed.hub.clone();
    let draining = tokio::spawn(async move { hub.sockets().drain(WITHIN).await });
    for client in &mut clients {
        assert_eq!(client.close_code().await, Some(1012));
    }
    in_time(draining).await.unwrap();
    assert_eq!(feed.hub.sockets().count(), 0);
    assert_eq!(feed.try_watch(&[deal], None).await.err(), Some(503));
}

#[actix_web::test]
async fn sockets_are_closed_slice_by_slice() {
    let feed = Feed::start(LiveConfig { drain_percent_per_second: 50, ..unpaced() });
    let deal = DealId::generate();
    let mut clients = Vec::new();
    for _ in 0..44 {
        clients.push(feed.watch(&[deal]).await);
    }
    let start = Instant::now();
    in_time(feed.hub.sockets().drain(WITHIN)).await;
    assert!(start.elapsed() >= Duration::from_secs(1), "the second half has a second more");
    for client in &mut clients {
        assert_eq!(client.close_code().await, Some(1012));
    }
}
