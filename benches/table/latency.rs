//! Latency of joins: from one quiet client, at half of the ceiling, and under overload.

use std::sync::Arc;

use anyhow::Result;
use tokio::time::Instant;

use crate::client::{Answer, Connection, join_request, open_model};
use crate::peers::NAIVE;
use crate::report::{Figure, Target, median, percentile};
use crate::stand::{ADDRESS, Crowd, NEVER, Stand};

const QUIET_JOINS: usize = 1_000;
const HALF_CONNECTIONS: usize = 256;
/// More than one deal's share of a lane's queue, so the queue refuses requests.
const OVERLOAD_CONNECTIONS: usize = 3_000;

/// HTTP requests that join one deal. The buyers take turns.
fn joins(crowd: &Crowd, run: &'static str) -> impl Fn(usize) -> Vec<u8> + Send + Sync + 'static {
    let deal = crowd.prepared.deals.first().map(ToString::to_string).unwrap_or_default();
    let tokens: Arc<[String]> = crowd.prepared.buyers.iter().map(|buyer| buyer.token.clone()).collect();
    move |number| {
        let token = tokens.get(number * 7919 % tokens.len()).map_or("", String::as_str);
        join_request(&deal, token, &format!("{run}-{number}"))
    }
}

async fn one_by_one(address: &str, count: usize, request: impl Fn(usize) -> Vec<u8>) -> Result<Vec<f64>> {
    let mut connection = Connection::open(address).await?;
    let mut took_ms = Vec::new();
    for number in 0..count {
        let began = Instant::now();
        let (status, body) = connection.send(&request(number)).await?;
        anyhow::ensure!(status == 201, "{status}: {}", String::from_utf8_lossy(&body));
        took_ms.push(began.elapsed().as_secs_f64() * 1e3);
    }
    Ok(took_ms)
}

pub async fn quiet(stand: &mut Stand) -> Result<Vec<Figure>> {
    let crowd = stand.crowd(1, NEVER, None).await?;
    one_by_one(ADDRESS, QUIET_JOINS, joins(&crowd, "warm")).await?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for (round, run) in (1..=stand.args.rounds).zip(["q1", "q2", "q3", "q4", "q5"]) {
        stand.show(&format!("round {round}"));
        if stand.has_peer() {
            let both = |_| b"POST /both/2 HTTP/1.1\r\nHost: bench\r\nContent-Length: 0\r\n\r\n".to_vec();
            theirs.push(median(&one_by_one(NAIVE, QUIET_JOINS, both).await?));
        }
        ours.push(median(&one_by_one(ADDRESS, QUIET_JOINS, joins(&crowd, run)).await?));
    }
    let has_peer = !theirs.is_empty();
    Ok(vec![Figure {
        place: 6,
        what: "p50 of a single quiet client, against the peer's /both".to_owned(),
        ours: format!("{:.2} ms", median(&ours)),
        theirs: if has_peer { format!("{:.2} ms", median(&theirs)) } else { "no peer here".to_owned() },
        value: has_peer.then(|| median(&ours) / median(&theirs)),
        unit: "×".to_owned(),
        target: Target::AtMost(1.2),
        note: String::new(),
        measured: String::new(),
    }])
}

/// The joins per second that 64 connections reach.
async fn ceiling(stand: &mut Stand, crowd: &Crowd) -> Result<f64> {
    stand.warm_up(crowd).await?;
    stand.show("measuring the ceiling");
    let mut rounds = Vec::new();
    for _ in 0..stand.args.rounds {
        rounds.push(stand.join(crowd).await?.good_per_s());
    }
    Ok(median(&rounds))
}

pub async fn half(stand: &mut Stand) -> Result<Vec<Figure>> {
    let crowd = stand.crowd(1, NEVER, None).await?;
    let ceiling = ceiling(stand, &crowd).await?;
    stand.show("at half of the ceiling");
    let (mut p50, mut p99) = (Vec::new(), Vec::new());
    for (_, run) in (0..stand.args.rounds).zip(["h1", "h2", "h3", "h4", "h5"]) {
        let answers =
            open_model(ADDRESS, HALF_CONNECTIONS, ceiling / 2.0, stand.args.seconds, joins(&crowd, run)).await?;
        let took: Vec<f64> = answers.iter().map(|answer| answer.since_due_ms).collect();
        p50.push(percentile(&took, 50));
        p99.push(percentile(&took, 99));
    }
    Ok(vec![Figure {
        place: 7,
        what: "p99 at half of Muster's ceiling, against p50".to_owned(),
        ours: format!("{:.1} ms", median(&p99)),
        theirs: format!("{:.1} ms", median(&p50)),
        value: Some(median(&p99) / median(&p50)),
        unit: "×".to_owned(),
        target: Target::AtMost(10.0),
        note: format!("{:.0} joins/s, open model", ceiling / 2.0),
        measured: String::new(),
    }])
}

pub async fn overload(stand: &mut Stand) -> Result<Vec<Figure>> {
    let crowd = stand.crowd(1, NEVER, None).await?;
    let ceiling = ceiling(stand, &crowd).await?;
    stand.show("at three times the ceiling");
    let (mut served, mut refusal_ms, mut join_ms, mut sent) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (_, run) in (0..stand.args.rounds).zip(["o1", "o2", "o3", "o4", "o5"]) {
        let seconds = stand.args.seconds;
        let answers = open_model(ADDRESS, OVERLOAD_CONNECTIONS, 3.0 * ceiling, seconds, joins(&crowd, run)).await?;
        let of = |status: u16| -> Vec<f64> {
            answers
                .iter()
                .filter(|answer| answer.status == status)
                .map(|answer: &Answer| answer.since_sent_ms)
                .collect()
        };
        served.push(of(201).len() as f64 / seconds as f64);
        join_ms.push(percentile(&of(201), 50));
        refusal_ms.extend(Some(percentile(&of(503), 99)).filter(|p99| p99.is_finite()));
        sent.push(answers.len() as f64 / seconds as f64);
    }
    let note = format!("{:.0} requests/s were sent of {:.0} that were due", median(&sent), 3.0 * ceiling);
    let share = Figure {
        place: 8,
        what: "overload at 3 × the ceiling: served joins/s, against the ceiling".to_owned(),
        ours: format!("{:.0} joins/s", median(&served)),
        theirs: format!("{ceiling:.0} joins/s"),
        value: Some(median(&served) / ceiling),
        unit: "×".to_owned(),
        target: Target::AtLeast(0.85),
        note: note.clone(),
        measured: String::new(),
    };
    let quick = Figure {
        place: 9,
        what: "overload: p99 of the 503s, against p50 of the joins".to_owned(),
        ours: format!("{:.1} ms", median(&refusal_ms)),
        theirs: format!("{:.1} ms", median(&join_ms)),
        value: (!refusal_ms.is_empty()).then(|| median(&refusal_ms) / median(&join_ms)),
        unit: "×".to_owned(),
        target: Target::AtMost(1.0),
        note: if refusal_ms.is_empty() { "there was no 503".to_owned() } else { note },
        measured: String::new(),
    };
    Ok(vec![share, quick])
}
