//! Bodies that are slow or too large.

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::target::{Target, assert_growth, flood, run_all, trickle};
use crate::live::feed::with_deadline;

const MIB: usize = 1 << 20;

fn head(target: &Target, length: &str) -> String {
    format!(
        "POST /api/v1/deals/{}/signups HTTP/1.1\r\nHost: muster\r\nAuthorization: Bearer {}\r\nIdempotency-Key: big\r\n\
         Content-Type: application/json\r\n{length}\r\n\r\n",
        target.deal,
        target.any_buyer().token,
    )
}

/// The response to a client that sends this and then only reads.
async fn response_to(target: &Target, request: &str) -> String {
    let mut stream = target.connect().await;
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = Vec::new();
    with_deadline(stream.read_to_end(&mut response)).await.unwrap();
    String::from_utf8_lossy(&response).into_owned()
}

#[tokio::test]
async fn slow_bodies_time_out() {
    let mut target = Target::begin(&[("server.body_timeout_ms", "1000")]).await;
    let (address, begin) = (target.node.address, head(&target, "Content-Length: 12000") + "{");
    let attack = run_all((0..300).map(move |_| {
        let begin = begin.clone();
        async move {
            let stream = with_deadline(tokio::net::TcpStream::connect(address)).await.unwrap();
            with_deadline(trickle(stream, begin.into())).await
        }
    }));
    let (responses, grown) = target.serve_during(attack).await;
    for answer in responses {
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
    assert_growth("slow bodies", grown, 64);
    let begin = head(&target, "Content-Length: 12000") + "{";
    let response = response_to(&target, &begin).await;
    assert!(response.starts_with("HTTP/1.1 408 "), "{response}");
    target.end().await;
}

#[tokio::test]
async fn ten_megabyte_bodies_are_refused_before_they_are_read() {
    let mut target = Target::begin(&[("server.keep_alive_s", "1")]).await;
    for (length, chunk) in [
        (format!("Content-Length: {}", 10 * MIB), vec![b' '; 64 * 1024]),
        (
            "Transfer-Encoding: chunked".to_owned(),
            [b"10000\r\n".to_vec(), vec![b' '; 65_536], b"\r\n".to_vec()].concat(),
        ),
    ] {
        let (address, head) = (target.node.address, head(&target, &length));
        let attack = run_all((0..40).map(move |_| {
            let (head, chunk) = (head.clone(), chunk.clone());
            async move {
                let stream = with_deadline(tokio::net::TcpStream::connect(address)).await.unwrap();
                flood(stream, head.into(), chunk, 160).await
            }
        }));
        let (outcomes, grown) = target.serve_during(attack).await;
        let taken: usize = outcomes.iter().map(|(taken, _)| taken).sum();
        println!("{length}: {} KiB of {} MiB were taken", taken / 1024, 400);
        for (_, response) in outcomes {
            // A client that sends after the response may lose it to the reset that follows.
            assert!(response.is_empty() || response.starts_with("HTTP/1.1 413 "), "{response}");
        }
        assert_growth(&length, grown, 64);
    }
    let response = response_to(&target, &head(&target, &format!("Content-Length: {}", 10 * MIB))).await;
    assert!(response.starts_with("HTTP/1.1 413 "), "{response}");
    target.end().await;
}
