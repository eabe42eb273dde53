//! How sockets are closed when the node shuts down.

use std::cell::Cell;
use std::time::Duration;

use muster::config::LiveConfig;
use muster::domain::DealId;
use tokio::task::JoinSet;

use super::feed::{Feed, unthrottled, with_deadline};

const WITHIN: Duration = Duration::from_secs(20);

#[actix_web::test]
async fn a_draining_node_closes_its_sockets_with_1012_and_refuses_new_ones() {
    let feed = Feed::start(unthrottled());
    let deal = DealId::generate();
    let mut clients = [feed.watch(&[deal]).await, feed.watch(&[deal]).await];
    let hub = feed.hub.clone();
    let draining = tokio::spawn(async move { hub.sockets().drain(WITHIN).await });
    for client in &mut clients {
        assert_eq!(client.close_code().await, Some(1012));
    }
    with_deadline(draining).await.unwrap();
    assert_eq!(feed.hub.sockets().count(), 0);
    assert_eq!(feed.try_watch(&[deal], None).await.err(), Some(503));
}

#[actix_web::test]
async fn sockets_are_closed_in_slices() {
    let feed = Feed::start(LiveConfig { drain_percent_per_second: 50, ..unthrottled() });
    let deal = DealId::generate();
    let mut clients = JoinSet::new();
    for _ in 0..44 {
        let mut client = feed.watch(&[deal]).await;
        clients.spawn(async move { client.close_code().await });
    }
    feed.wait_for_open_sockets(44).await;
    let pauses = Cell::new(0);
    // The second half is not closed before the pause is over.
    let pause = async || {
        feed.wait_for_open_sockets(22).await;
        pauses.set(pauses.get() + 1);
    };
    with_deadline(feed.hub.sockets().drain_in_slices(WITHIN, pause)).await;
    assert_eq!(pauses.get(), 1, "there is one pause, between the two halves");
    assert_eq!(clients.join_all().await, [Some(1012); 44]);
}
