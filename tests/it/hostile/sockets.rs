//! Thousands of WebSockets: idle ones, and ones that are opened only to be closed.

use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::target::{Target, assert_growth, run_all};
use crate::live::feed::{query, with_deadline};
use muster::domain::DealId;

const IDLE: usize = 2_000;

/// Opens a WebSocket from one of this machine's loopback addresses, and returns the status of the response.
async fn open(node: SocketAddr, from: [u8; 4], deal: DealId) -> (u16, TcpStream) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(IpAddr::from(from), 0)).unwrap();
    let mut stream = with_deadline(socket.connect(node)).await.unwrap();
    let request = format!(
        "GET /api/v1/live?{} HTTP/1.1\r\nHost: {node}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        query(&[deal])
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(with_deadline(stream.read_u8()).await.unwrap());
    }
    (std::str::from_utf8(&head[9..12]).unwrap().parse().unwrap(), stream)
}

#[tokio::test]
async fn two_thousand_idle_sockets_use_little_memory() {
    let mut target = Target::begin(&[]).await;
    let (node, deal) = (target.node.address, target.deal);
    let attack = async {
        let mut open_ones = Vec::new();
        for _ in 0..IDLE / 100 {
            open_ones.extend(run_all((0..100).map(|_| open(node, [127, 0, 0, 1], deal))).await);
        }
        open_ones
    };
    let (sockets, grown) = target.serve_during(attack).await;
    assert!(sockets.iter().all(|(status, _)| *status == 101));
    println!("{IDLE} idle sockets: {} bytes each", grown / IDLE);
    assert_growth("idle sockets", grown, 128);
    target.assert_serving().await;
    target.end().await;
}

#[tokio::test]
async fn an_address_that_churns_sockets_is_throttled() {
    let limits = [
        ("live.sockets_per_address_max", "50"),
        ("live.opens_per_address_burst", "100"),
        ("live.opens_per_address_per_second", "1"),
    ];
    let mut target = Target::begin(&limits).await;
    let (node, deal) = (target.node.address, target.deal);
    let attack = run_all((0..10).map(move |_| async move {
        let mut statuses = Vec::new();
        for _ in 0..100 {
            // Dropped immediately, often with a reset.
            statuses.push(open(node, [127, 0, 0, 2], deal).await.0);
        }
        statuses
    }));
    let (statuses, grown) = target.serve_during(attack).await;
    let statuses = statuses.concat();
    let opened = statuses.iter().filter(|status| **status == 101).count();
    println!("{opened} of {} were opened", statuses.len());
    assert!(statuses.iter().all(|status| [101, 429].contains(status)), "{statuses:?}");
    assert!((50..500).contains(&opened), "{opened}");
    assert_growth("sockets opened and closed", grown, 64);
    assert_eq!(open(node, [127, 0, 0, 3], deal).await.0, 101, "another address is not throttled");
    target.end().await;
}
