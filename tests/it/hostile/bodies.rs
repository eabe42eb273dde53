//! Bodies that never come to their end, and bodies without end.

use super::siege::{Siege, all, assert_growth, pour, trickle};
use crate::live::feed::in_time;

const MIB: usize = 1 << 20;

fn head(siege: &Siege, length: &str) -> String {
    format!(
        "POST /api/v1/deals/{}/signups HTTP/1.1\r\nHost: muster\r\nAuthorization: Bearer {}\r\nIdempotency-Key: big\r\n\
         Content-Type: application/json\r\n{length}\r\n\r\n",
        siege.deal,
        siege.somebody().token,
    )
}

#[tokio::test]
async fn bodies_that_trickle_in_are_waited_for_only_so_long() {
    let mut siege = Siege::begin(&[("server.body_timeout_ms", "1000")]).await;
    let (address, begin) = (siege.node.address, head(&siege, "Content-Length: 12000") + "{");
    let attack = all((0..300).map(move |_| {
        let begin = begin.clone();
        async move {
            let stream = in_time(tokio::net::TcpStream::connect(address)).await.unwrap();
            in_time(trickle(stream, begin.into())).await
        }
    }));
    let (said, grown) = siege.while_others_are_served(attack).await;
    for answer in said {
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408 "), "{answer}");
    }
    assert_growth("slow bodies", grown, 64);
    siege.end().await;
}

#[tokio::test]
async fn ten_megabytes_are_refused_before_they_are_read() {
    let mut siege = Siege::begin(&[("server.keep_alive_s", "1")]).await;
    for (length, chunk) in [
        (format!("Content-Length: {}", 10 * MIB), vec![b' '; 64 * 1024]),
        (
            "Transfer-Encoding: chunked".to_owned(),
            [b"10000\r\n".to_vec(), vec![b' '; 65_536], b"\r\n".to_vec()].concat(),
        ),
    ] {
        let (address, head) = (siege.node.address, head(&siege, &length));
        let attack = all((0..40).map(move |_| {
            let (head, chunk) = (head.clone(), chunk.clone());
            async move {
                let stream = in_time(tokio::net::TcpStream::connect(address)).await.unwrap();
                pour(stream, head.into(), chunk, 160).await
            }
        }));
        let (outcomes, grown) = siege.while_others_are_served(attack).await;
        let taken: usize = outcomes.iter().map(|(taken, _)| taken).sum();
        println!("{length}: {} KiB of {} MiB were taken", taken / 1024, 400);
        for (_, said) in outcomes {
            // Who goes on sending after the answer may lose it to the reset that follows.
            assert!(said.is_empty() || said.starts_with("HTTP/1.1 413 "), "{said}");
        }
        assert_growth(&length, grown, 64);
    }
    siege.end().await;
}
