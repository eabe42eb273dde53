//! Limits on opening sockets.

use std::net::IpAddr;
use std::sync::Weak;

use muster::config::LiveConfig;
use muster::domain::DealId;
use muster::live::Refusal;

use super::feed::{Feed, hub, progress, throttled, unthrottled};

#[actix_web::test]
async fn another_sites_page_cannot_open_a_socket() {
    let feed = Feed::start(unthrottled());
    let deal = [DealId::generate()];
    for origin in ["https://evil.example", "null", "http://127.0.0.1", "http://127.0.0.1.evil.example"] {
        assert_eq!(feed.try_watch(&deal, Some(origin)).await.err(), Some(403), "{origin}");
    }
}

#[actix_web::test]
async fn own_pages_allowed_origins_and_programs_can_open_sockets() {
    let feed =
        Feed::start(LiveConfig { allowed_origins: vec!["https://partner.example".parse().unwrap()], ..unthrottled() });
    let deal = [DealId::generate()];
    let own = format!("https://{}", feed.address);
    for origin in [None, Some(own.as_str()), Some("https://muster.example"), Some("https://partner.example")] {
        assert!(feed.try_watch(&deal, origin).await.is_ok(), "{origin:?}");
    }
    assert_eq!(feed.try_watch(&deal, Some("http://muster.example")).await.err(), Some(403));
}

#[actix_web::test]
async fn a_socket_watches_one_to_thirty_two_deals() {
    let feed = Feed::start(unthrottled());
    let deals = std::iter::repeat_with(DealId::generate).take(33).collect::<Vec<_>>();
    assert_eq!(feed.try_watch(&[], None).await.err(), Some(400));
    assert_eq!(feed.try_watch(&deals, None).await.err(), Some(400));
    let mut client = feed.watch(&deals[..32]).await;
    feed.hub.offer(progress(deals[31], 1));
    assert_eq!(client.rev().await, 1);
    assert!(feed.try_watch(&[deals[0]; 40], None).await.is_ok(), "repeated ids count once");
}

#[actix_web::test]
async fn the_sockets_of_one_address_are_limited_until_one_closes() {
    let feed = Feed::start(LiveConfig { sockets_per_address_max: 2, ..unthrottled() });
    let deal = [DealId::generate()];
    let first = feed.watch(&deal).await;
    let _second = feed.watch(&deal).await;
    assert_eq!(feed.try_watch(&deal, None).await.err(), Some(429));
    drop(first);
    feed.wait_for_open_sockets(1).await;
    assert!(feed.try_watch(&deal, None).await.is_ok());
}

#[actix_web::test]
async fn a_full_node_answers_503() {
    let feed = Feed::start(LiveConfig { sockets_per_node_max: 1, ..unthrottled() });
    let deal = [DealId::generate()];
    let _first = feed.watch(&deal).await;
    assert_eq!(feed.try_watch(&deal, None).await.err(), Some(503));
}

#[actix_web::test]
async fn a_plain_request_is_answered_426() {
    let feed = Feed::start(unthrottled());
    let answer = plain_get(&feed, &format!("/live?deal={}", DealId::generate())).await;
    assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
    feed.wait_for_open_sockets(0).await;
}

async fn plain_get(feed: &Feed, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(feed.address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", feed.address);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    super::feed::with_deadline(stream.read_to_string(&mut answer)).await.unwrap();
    answer
}

#[tokio::test]
async fn upgrades_per_second_are_limited() {
    let config = LiveConfig { upgrades_per_second_max: 3, sockets_per_address_max: 100, ..throttled() };
    let hub = hub(config);
    let address = IpAddr::from([192, 0, 2, 1]);
    let sockets = std::iter::repeat_with(|| hub.sockets().register(address, Weak::new())).take(10).collect::<Vec<_>>();
    assert!(sockets.iter().take(3).all(Result::is_ok));
    assert!(matches!(sockets.last(), Some(Err(Refusal::NodeBusy))));
}

/// Each open costs a handshake, whether or not the socket is closed again.
#[tokio::test]
async fn an_address_that_churns_sockets_is_throttled_alone() {
    let config = LiveConfig {
        sockets_per_address_max: 10,
        opens_per_address_burst: 10,
        opens_per_address_per_second: 1,
        ping_every: std::time::Duration::from_hours(1),
        ..throttled()
    };
    let hub = hub(config);
    let open = |last: u8| hub.sockets().register([192, 0, 2, last].into(), Weak::new());
    let outcomes = std::iter::repeat_with(|| open(1).map(drop)).take(200).collect::<Vec<_>>();
    assert_eq!(hub.sockets().count(), 0);
    assert!(outcomes.iter().take(10).all(Result::is_ok));
    assert!(matches!(outcomes.last(), Some(Err(Refusal::AddressTooFast))), "{:?}", outcomes.last());
    assert!(open(2).is_ok(), "another address is not throttled");
    // An address is dropped from memory once its limits have recovered.
    assert_eq!(hub.sockets().tracked_addresses(), 2);
    hub.sockets().check(tokio::time::Instant::now() + std::time::Duration::from_secs(30));
    assert_eq!(hub.sockets().tracked_addresses(), 0);
}

#[tokio::test]
async fn addresses_of_one_household_count_as_one() {
    let config = LiveConfig { sockets_per_address_max: 1, ..throttled() };
    let hub = hub(config);
    let open = |address: &str| hub.sockets().register(address.parse().unwrap(), Weak::new());
    let _sockets = ["192.0.2.1", "2001:db8:0:100::1", "2001:db8:0:200::1"].map(|address| open(address).ok().unwrap());
    for taken in ["::ffff:192.0.2.1", "2001:db8:0:1ff:ffff::2"] {
        assert!(matches!(open(taken), Err(Refusal::AddressFull)), "{taken}");
    }
    assert!(open("192.0.2.2").is_ok());
}
