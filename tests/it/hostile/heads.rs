//! Requests that never come to their end, and requests without end.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::siege::{Siege, all, assert_growth, pour, trickle};
use crate::live::feed::in_time;

const SLOW: usize = 300;
const PIPELINES: usize = 4;
/// What one of them may take.
const PIPELINE_MIB: usize = 40;

#[tokio::test]
async fn headers_that_trickle_in_and_connections_that_say_nothing_are_closed() {
    let mut siege = Siege::begin(&[("server.header_timeout_ms", "1000")]).await;
    let address = siege.node.address;
    let attack = all((0..SLOW).map(move |n| async move {
        let mut stream = in_time(tokio::net::TcpStream::connect(address)).await.unwrap();
        if n % 3 > 0 {
            return in_time(trickle(stream, b"GET / HTTP/1.1\r\nHost: muster\r\nX-Slow: ".to_vec())).await;
        }
        let mut said = Vec::new();
        in_time(stream.read_to_end(&mut said)).await.ok();
        String::from_utf8_lossy(&said).into_owned()
    }));
    let (said, grown) = siege.while_others_are_served(attack).await;
    for answer in said {
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
    assert_growth("slow headers", grown, 64);
    siege.end().await;
}

#[tokio::test]
async fn connections_that_ask_for_nothing_any_more_are_closed() {
    let mut siege = Siege::begin(&[("server.keep_alive_s", "1")]).await;
    let address = siege.node.address;
    let attack = all((0..SLOW).map(move |_| async move {
        let mut stream = in_time(tokio::net::TcpStream::connect(address)).await.unwrap();
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: muster\r\n\r\n").await.unwrap();
        let mut said = Vec::new();
        in_time(stream.read_to_end(&mut said)).await.unwrap();
        String::from_utf8_lossy(&said).into_owned()
    }));
    let (said, grown) = siege.while_others_are_served(attack).await;
    assert!(said.iter().all(|answer| answer.starts_with("HTTP/1.1 200 ")));
    assert_growth("idle connections", grown, 64);
    siege.end().await;
}

/// Who has said everything and closes that side of the connection hears the answer all the same.
#[tokio::test]
async fn a_client_that_has_closed_its_side_is_answered() {
    let siege = Siege::begin(&[]).await;
    let mut stream = siege.connect().await;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: muster\r\nConnection: close\r\n\r\n").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut said = String::new();
    in_time(stream.read_to_string(&mut said)).await.unwrap();
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
    siege.end().await;
}

#[tokio::test]
async fn headers_and_queries_without_end_are_refused() {
    let mut siege = Siege::begin(&[]).await;
    let address = siege.node.address;
    let heads =
        ["GET / HTTP/1.1\r\nHost: muster\r\nX-Long: ", "GET /?q=", "GET /api/v1/deals HTTP/1.1\r\nX-A: b\r\nX-B: "];
    let attack = all((0..60).map(move |n| async move {
        let stream = in_time(tokio::net::TcpStream::connect(address)).await.unwrap();
        // 16 MiB each, if it were taken.
        pour(stream, heads[n % 3].into(), vec![b'x'; 64 * 1024], 256).await
    }));
    let (outcomes, grown) = siege.while_others_are_served(attack).await;
    for (taken, said) in outcomes {
        assert!(taken < 16 << 20, "it was read to its end");
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 4"), "{said}");
    }
    assert_growth("headers without end", grown, 96);
    // One that is short enough to be read is told what is wrong.
    let long = format!("/api/v1/deals?q={}", "x".repeat(5_000));
    assert_eq!(siege.somebody().get(&long).send().await.unwrap().status().as_u16(), 414);
    siege.end().await;
}

/// They ask thousands of times without waiting for an answer, and without reading any.
///
/// `actix-http` takes up to 128 KiB of heads apart at once, whatever its own limit of queued requests says, and each of these
/// takes about 5 KiB until it is answered: some 20 MiB for each such connection, and no more however much is sent. A proxy in
/// front, which asks one thing after the other, takes that away.
#[tokio::test]
async fn a_pipeline_without_end_is_read_only_as_fast_as_it_is_answered() {
    let mut siege = Siege::begin(&[]).await;
    let mut streams = Vec::new();
    for _ in 0..PIPELINES {
        streams.push(siege.connect().await);
    }
    let requests = "GET / HTTP/1.1\r\nHost: muster\r\n\r\n".repeat(1_000);
    let attack = all(streams.into_iter().map(move |mut stream| {
        let requests = requests.clone();
        async move {
            let mut sent = 0;
            let patience = std::time::Duration::from_secs(1);
            // Until it takes no more, for whoever asks does not read: then the kernel's buffers are full on both sides.
            while let Ok(Ok(())) = tokio::time::timeout(patience, stream.write_all(requests.as_bytes())).await {
                sent += requests.len();
                assert!(sent < 64 << 20, "it reads without end");
            }
            sent
        }
    }));
    let (sent, grown) = siege.while_others_are_served(attack).await;
    println!("pipelines: {} KiB were sent", sent.iter().sum::<usize>() / 1024);
    assert_growth("pipelines", grown, PIPELINES * PIPELINE_MIB);
    siege.end().await;
}
