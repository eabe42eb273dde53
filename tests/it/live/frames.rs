//! The frames that watchers receive.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use muster::clock::Clock;
use muster::domain::{DealId, DealState, Progress};
use muster::live::{Hub, message};
use serde_json::json;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use super::feed::{Feed, hub, pending_version, progress, throttled, unthrottled, version, with_deadline};

#[test]
fn a_frame_has_the_figures_and_the_server_time() {
    let deal = DealId::generate();
    let server_time = "2026-11-22T08:00:00.123Z".parse::<DateTime<Utc>>().unwrap();
    let frame = message::frame(&Progress { units: 20, ..progress(deal, 17) }, server_time).unwrap();
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&frame).unwrap(),
        json!({
            "type": "progress", "deal": deal, "epoch": 1, "rev": 17, "state": "open", "buyers": 17, "needed": 3,
            "tipping_point": 20, "units": 20, "left": 80, "cap": 100, "closes_at": "2026-12-01T12:00:00Z",
            "server_time": "2026-11-22T08:00:00.123Z"
        })
    );
}

#[actix_web::test]
async fn a_new_watcher_of_a_known_deal_gets_its_figures_immediately() {
    let feed = Feed::start(throttled());
    let deal = DealId::generate();
    let mut first = feed.watch(&[deal]).await;
    feed.hub.offer(progress(deal, 7));
    assert_eq!(first.rev().await, 7);
    let mut second = feed.watch(&[deal]).await;
    assert_eq!(second.rev().await, 7);
}

#[actix_web::test]
async fn all_sockets_get_the_same_bytes() {
    let feed = Feed::start(unthrottled());
    let deal = DealId::generate();
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(feed.watch(&[deal]).await);
    }
    feed.hub.offer(progress(deal, 3));
    let mut frames = Vec::new();
    for client in &mut clients {
        frames.push(client.frame().await);
    }
    frames.dedup();
    assert_eq!(frames.len(), 1, "{frames:?}");
}

#[test]
fn only_newer_figures_are_sent() {
    let hub = hub(unthrottled());
    let deal = DealId::generate();
    let mut watcher = hub.subscribe(deal);
    for (epoch, rev, is_newer) in
        [(1, 5, true), (1, 4, false), (1, 5, false), (2, 1, true), (1, 9, false), (2, 1, false), (2, 2, true)]
    {
        hub.offer(Progress { epoch, ..progress(deal, rev) });
        assert_eq!(pending_version(&mut watcher), is_newer.then_some((epoch, rev)));
    }
}

#[actix_web::test]
async fn a_socket_gets_frames_of_exactly_its_deals() {
    let feed = Feed::start(unthrottled());
    let deals = [DealId::generate(), DealId::generate(), DealId::generate()];
    let mut client = feed.watch(&deals[..2]).await;
    let mut other = feed.watch(&deals[2..]).await;
    for (deal, rev) in deals.into_iter().zip([1, 2, 3]) {
        feed.hub.offer(progress(deal, rev));
    }
    let mut seen = vec![client.rev().await, client.rev().await];
    seen.sort_unstable();
    assert_eq!(seen, [1, 2]);
    assert_eq!(other.rev().await, 3);
    feed.hub.offer(progress(deals[0], 4));
    assert_eq!(client.rev().await, 4);
}

#[test]
fn figures_of_a_draft_are_not_sent() {
    let hub = hub(unthrottled());
    let deal = DealId::generate();
    let mut watcher = hub.subscribe(deal);
    hub.offer(Progress { state: DealState::Draft, ..progress(deal, 1) });
    assert_eq!(pending_version(&mut watcher), None);
    hub.offer(progress(deal, 2));
    assert_eq!(pending_version(&mut watcher), Some((1, 2)));
}

#[actix_web::test]
async fn messages_from_clients_are_ignored() {
    let feed = Feed::start(unthrottled());
    let deal = DealId::generate();
    let mut client = feed.watch(&[deal]).await;
    client.send(Message::text("{\"type\":\"subscribe\"}")).await;
    client.send(Message::binary(vec![0, 159, 146, 150])).await;
    feed.hub.offer(progress(deal, 1));
    assert_eq!(client.rev().await, 1);
}

#[actix_web::test]
async fn a_deal_is_dropped_with_its_last_watcher() {
    let feed = Feed::start(unthrottled());
    let deal = DealId::generate();
    let first = feed.watch(&[deal]).await;
    let second = feed.watch(&[deal]).await;
    drop(first);
    feed.wait_for_open_sockets(1).await;
    assert_eq!(*feed.hub.watched().borrow(), HashSet::from([deal]));
    drop(second);
    feed.wait_for_open_sockets(0).await;
    assert_eq!(*feed.hub.watched().borrow(), HashSet::new());
}

#[tokio::test]
async fn each_watched_deal_is_announced_once() {
    let hub = hub(throttled());
    let mut changes = hub.watched();
    let deal = DealId::generate();
    let first = hub.subscribe(deal);
    with_deadline(changes.changed()).await.unwrap();
    assert_eq!(hub.newly_watched(), [deal]);
    let second = hub.subscribe(deal);
    drop(first);
    assert!(!changes.has_changed().unwrap());
    assert_eq!(hub.newly_watched(), []);
    drop(second);
    with_deadline(changes.changed()).await.unwrap();
    assert_eq!(*changes.borrow_and_update(), HashSet::new());
}

#[tokio::test]
async fn a_slow_reader_gets_only_the_latest_frame() {
    let hub = hub(unthrottled());
    let deal = DealId::generate();
    let mut watcher = hub.subscribe(deal);
    for rev in 1..=50 {
        hub.offer(progress(deal, rev));
    }
    assert_eq!(version(&with_deadline(watcher.next()).await).1, 50);
    hub.offer(progress(deal, 51));
    assert_eq!(version(&with_deadline(watcher.next()).await).1, 51);
}

#[test]
fn a_new_watcher_gets_the_current_time_without_waking_the_others() {
    let clock = Clock::new();
    let hub = Hub::new(unthrottled(), "https://muster.example".parse().unwrap(), clock.clone());
    let deal = DealId::generate();
    let mut first = hub.subscribe(deal);
    hub.offer_at(progress(deal, 1), Instant::now().checked_sub(Duration::from_secs(10)).unwrap());
    assert_eq!(pending_version(&mut first), Some((1, 1)));

    let later = clock.now() + TimeDelta::hours(1);
    clock.correct(later);
    let mut second = hub.subscribe(deal);
    let frame = second.take_latest().unwrap();
    let frame = serde_json::from_str::<serde_json::Value>(&frame).unwrap();
    let server_time = frame["server_time"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    assert!(server_time >= later - TimeDelta::milliseconds(2), "{server_time} is not {later}");
    assert_eq!(pending_version(&mut first), None);
}
