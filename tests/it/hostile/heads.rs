//! Slow, idle and endless requests.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::target::{Target, assert_growth, flood, run_all, trickle};
use crate::live::feed::with_deadline;

const SLOW: usize = 300;
const PIPELINES: usize = 4;
/// The maximum growth of memory for one pipeline.
const PIPELINE_MIB: usize = 40;

#[tokio::test]
async fn slow_headers_and_silent_connections_are_closed() {
    let mut target = Target::begin(&[("server.header_timeout_ms", "1000")]).await;
    let address = target.node.address;
    let attack = run_all((0..SLOW).map(move |n| async move {
        let mut stream = with_deadline(tokio::net::TcpStream::connect(address)).await.unwrap();
        // Two of three connections send a byte now and then; every third sends nothing.
        if n % 3 > 0 {
            return with_deadline(trickle(stream, b"GET / HTTP/1.1\r\nHost: muster\r\nX-Slow: ".to_vec())).await;
        }
        let mut response = Vec::new();
        with_deadline(stream.read_to_end(&mut response)).await.ok();
        String::from_utf8_lossy(&response).into_owned()
    }));
    let (responses, grown_by) = target.serve_during(attack).await;
    for response in responses {
        assert!(response.is_empty() || response.starts_with("HTTP/1.1 408 "), "{response}");
    }
    assert_growth("slow headers", grown_by, 64);
    target.end().await;
}

#[tokio::test]
async fn idle_keep_alive_connections_are_closed() {
    let mut target = Target::begin(&[("server.keep_alive_s", "1")]).await;
    let address = target.node.address;
    let attack = run_all((0..SLOW).map(move |_| async move {
        let mut stream = with_deadline(tokio::net::TcpStream::connect(address)).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: muster\r\n\r\n").await.unwrap();
        let mut response = Vec::new();
        with_deadline(stream.read_to_end(&mut response)).await.unwrap();
        String::from_utf8_lossy(&response).into_owned()
    }));
    let (responses, grown_by) = target.serve_during(attack).await;
    for response in responses {
        assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    }
    assert_growth("idle connections", grown_by, 64);
    target.end().await;
}

/// A client that shuts down its sending side after the request still gets the response.
#[tokio::test]
async fn a_client_that_half_closed_its_connection_is_answered() {
    let target = Target::begin(&[]).await;
    let mut stream = target.connect().await;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: muster\r\nConnection: close\r\n\r\n").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut response = String::new();
    with_deadline(stream.read_to_string(&mut response)).await.unwrap();
    assert!(response.starts_with("HTTP/1.1 200 "), "{response}");
    target.end().await;
}

#[tokio::test]
async fn endless_headers_and_queries_are_refused() {
    let mut target = Target::begin(&[]).await;
    let address = target.node.address;
    let heads =
        ["GET / HTTP/1.1\r\nHost: muster\r\nX-Long: ", "GET /?q=", "GET /api/v1/deals HTTP/1.1\r\nX-A: b\r\nX-B: "];
    let attack = run_all((0..60).map(move |n| async move {
        let stream = with_deadline(tokio::net::TcpStream::connect(address)).await.unwrap();
        // 16 MiB each, if the node took it all.
        flood(stream, heads[n % 3].into(), vec![b'x'; 64 * 1024], 256).await
    }));
    let (outcomes, grown_by) = target.serve_during(attack).await;
    for (taken, response) in outcomes {
        assert!(taken < 16 << 20, "the node must refuse before 16 MiB");
        assert!(response.is_empty() || response.starts_with("HTTP/1.1 4"), "{response}");
    }
    assert_growth("headers without end", grown_by, 96);
    // A query short enough to be read gets an explanation.
    let path = format!("/api/v1/deals?q={}", "x".repeat(5_000));
    assert_eq!(target.any_buyer().get(&path).send().await.unwrap().status().as_u16(), 414);
    target.end().await;
}

/// Clients that send thousands of requests without reading a response.
///
/// `actix-http` parses up to 128 KiB of request heads in one call, whatever its own limit of queued requests is. Each
/// head takes about 5 KiB until it is answered: some 20 MiB for each connection, however much its client sends. A proxy
/// in front of the node sends one request at a time, so it removes this cost.
#[tokio::test]
async fn an_endless_pipeline_is_read_only_as_fast_as_it_is_answered() {
    let mut target = Target::begin(&[]).await;
    let mut streams = Vec::new();
    for _ in 0..PIPELINES {
        streams.push(target.connect().await);
    }
    let requests = "GET / HTTP/1.1\r\nHost: muster\r\n\r\n".repeat(1_000);
    let attack = run_all(streams.into_iter().map(move |mut stream| {
        let requests = requests.clone();
        async move {
            let mut sent = 0;
            let write_timeout = std::time::Duration::from_secs(1);
            // Until the buffers of the kernel are full on both sides, because the client never reads.
            while let Ok(Ok(())) = tokio::time::timeout(write_timeout, stream.write_all(requests.as_bytes())).await {
                sent += requests.len();
                assert!(sent < 64 << 20, "the node reads without a limit");
            }
            sent
        }
    }));
    let (sent, grown_by) = target.serve_during(attack).await;
    assert!(sent.iter().all(|bytes| *bytes > 0), "every client must send a pipeline");
    println!("pipelines: {} KiB were sent", sent.iter().sum::<usize>() / 1024);
    assert_growth("pipelines", grown_by, PIPELINES * PIPELINE_MIB);
    target.end().await;
}
