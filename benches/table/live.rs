//! Thousands of WebSockets on one deal: memory and CPU per socket, and the latency of frames.

use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::Instant;

use crate::client::{Connection, join_request};
use crate::peers::{NCHAN, Nchan};
use crate::report::{Figure, Target, median, percentile, slope};
use crate::sockets::Sockets;
use crate::stand::{ADDRESS, Crowd, NEVER, Stand};

/// The minimum time between two frames of one socket.
const PERIOD_MS: f64 = 100.0;
/// `live.fan_out_per_second_max`, which all sockets of a deal share, per millisecond.
const FAN_OUT_PER_MS: f64 = 20.0;
const PROBES: usize = 60;
const PROBE_EVERY: Duration = Duration::from_millis(150);
const FAN_OUT_SOCKETS: usize = 9_000;
const FAN_OUT_ROUNDS: usize = 81;
const CHURN_SOCKETS: usize = 5_000;
const CHURN_ROUNDS: usize = 20;
/// The pause before memory is measured. The allocator returns memory to the kernel some seconds after its last use.
const MEMORY_PAUSE: Duration = Duration::from_secs(15);
/// Clock ticks per second in `/proc`.
const TICKS: f64 = 100.0;

fn deal(crowd: &Crowd) -> String {
    crowd.prepared.deals.first().map(ToString::to_string).unwrap_or_default()
}

/// Joins once, and returns the rev in the response.
async fn probe(connection: &mut Connection, crowd: &Crowd, key: &str, number: usize) -> Result<i64> {
    let buyers = &crowd.prepared.buyers;
    let token = buyers.get(number * 31 % buyers.len()).map_or("", |buyer| buyer.token.as_str());
    let (status, body) = connection.send(&join_request(&deal(crowd), token, &format!("{key}-{number}"))).await?;
    anyhow::ensure!(status == 201, "{status}: {}", String::from_utf8_lossy(&body));
    let body: serde_json::Value = serde_json::from_slice(&body)?;
    body.pointer("/progress/rev").and_then(serde_json::Value::as_i64).context("the response has no rev")
}

/// Rows 11 to 13: memory, joins, and latency of frames with sockets open.
pub async fn sockets(stand: &mut Stand) -> Result<Vec<Figure>> {
    let crowd = stand.crowd(1, NEVER, None).await?;
    let (count, path) = (stand.args.sockets, format!("/api/v1/live?deal={}", deal(&crowd)));
    stand.warm_up(&crowd).await?;
    let mut alone = Vec::new();
    for round in 1..=stand.args.rounds {
        stand.show(&format!("round {round}, nobody watches"));
        alone.push(stand.join(&crowd).await?.good_per_s());
    }
    stand.show("opening sockets");
    let before = resident_kib(&[stand.pid()]);
    let sockets = Sockets::open(ADDRESS, &path, count).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = resident_kib(&[stand.pid()]);
    let (mut watched, mut late_ms) = (Vec::new(), Vec::new());
    for round in 1..=stand.args.rounds {
        stand.show(&format!("round {round}, {count} sockets watch"));
        let mut connection = Connection::open(ADDRESS).await?;
        let probes = async {
            let mut late = Vec::new();
            for number in 0..PROBES / stand.args.rounds.max(1) {
                tokio::time::sleep(PROBE_EVERY).await;
                let key = format!("probe{round}");
                let rev = probe(&mut connection, &crowd, &key, number).await?;
                late.push(sockets.all_received(rev, Instant::now()).await?);
            }
            Ok::<_, anyhow::Error>(late)
        };
        let joining = stand.join_as(&crowd, format!("w{round}"));
        let (run, late) = tokio::join!(joining, probes);
        watched.push(run?.good_per_s());
        late_ms.extend(late?);
    }
    let loaded = resident_kib(&[stand.pid()]);
    sockets.close().await;
    let per_socket = loaded.saturating_sub(before) as f64 / count as f64;
    let memory = Figure {
        place: 11,
        what: format!("{count} sockets on one deal that takes joins at full speed: resident memory per socket"),
        ours: format!("{per_socket:.1} KiB"),
        theirs: format!("{:.1} KiB while nobody joins", idle.saturating_sub(before) as f64 / count as f64),
        value: Some(per_socket),
        unit: "KiB".to_owned(),
        target: Target::AtMost(16.0),
        note: String::new(),
        measured: String::new(),
    };
    let joins = Figure {
        place: 12,
        what: format!("{count} sockets: joins/s, against none watching"),
        ours: format!("{:.0} joins/s", median(&watched)),
        theirs: format!("{:.0} joins/s", median(&alone)),
        value: Some(median(&watched) / median(&alone)),
        unit: "×".to_owned(),
        target: Target::AtLeast(0.7),
        note: "the client that watches shares the machine".to_owned(),
        measured: String::new(),
    };
    let period_ms = (count as f64 / FAN_OUT_PER_MS).max(PERIOD_MS);
    let late = Figure {
        place: 13,
        what: "from commit to the frame at the last of those sockets, p99".to_owned(),
        ours: format!("{:.0} ms", percentile(&late_ms, 99)),
        theirs: format!("{:.0} ms, median", median(&late_ms)),
        value: Some(percentile(&late_ms, 99) / period_ms),
        unit: "periods".to_owned(),
        target: Target::AtMost(3.0),
        note: format!("{} joins, at full speed; with {count} sockets a period is {period_ms:.0} ms", late_ms.len()),
        measured: String::new(),
    };
    Ok(vec![memory, joins, late])
}

/// Row 15: memory after sockets were opened and closed many times.
pub async fn churn(stand: &mut Stand) -> Result<Vec<Figure>> {
    let crowd = stand.crowd(1, NEVER, None).await?;
    let path = format!("/api/v1/live?deal={}", deal(&crowd));
    let mut after = Vec::new();
    for round in 1..=CHURN_ROUNDS {
        stand.show(&format!("round {round}, {CHURN_SOCKETS} sockets open and close"));
        Sockets::open(ADDRESS, &path, CHURN_SOCKETS).await?.close().await;
        let counts = round == 2 || round == CHURN_ROUNDS;
        tokio::time::sleep(if counts { MEMORY_PAUSE } else { Duration::from_secs(1) }).await;
        after.push(resident_kib(&[stand.pid()]) as f64);
    }
    let after: Vec<f64> = after.iter().map(|kib| kib / 1024.0).collect();
    let times: Vec<String> = after.iter().map(|mib| format!("{mib:.0}")).collect();
    // Caches fill during the first round.
    let (second, last) = (after.get(1).copied().unwrap_or(f64::NAN), after.last().copied().unwrap_or(f64::NAN));
    // These rounds were measured after the same short pause.
    let between = after.get(2..CHURN_ROUNDS - 1).unwrap_or_default();
    Ok(vec![Figure {
        place: 15,
        what: format!(
            "memory after {CHURN_ROUNDS} times {CHURN_SOCKETS} sockets came and went, against after the second"
        ),
        ours: format!("{last:.0} MiB"),
        theirs: format!("{second:.0} MiB"),
        value: Some(last / second),
        unit: "×".to_owned(),
        target: Target::AtMost(1.2),
        note: format!(
            "{} s after they went, one second after the others; those between grow by {:.2} MiB each time; MiB: {}",
            MEMORY_PAUSE.as_secs(),
            slope(between),
            times.join(" ")
        ),
        measured: String::new(),
    }])
}

/// Row 14: server CPU per frame to 9,000 sockets. Muster sends a frame after a join, nchan after a published message.
pub async fn fanout(stand: &mut Stand) -> Result<Vec<Figure>> {
    let crowd = stand.crowd(1, NEVER, None).await?;
    let folder = std::env::temp_dir().join(format!("muster-bench-nchan-{}", std::process::id()));
    let nchan = Nchan::start(&stand.args.peers, &folder).await?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 1..=stand.args.rounds {
        if let Some(nchan) = &nchan {
            stand.show(&format!("round {round}, nchan"));
            let sockets = Sockets::open(NCHAN, "/live", FAN_OUT_SOCKETS).await?;
            let mut connection = Connection::open(NCHAN).await?;
            let (pids, frames) = (nchan.pids()?, sockets.frames());
            let cpu = cpu_s(&pids);
            for rev in 1..=FAN_OUT_ROUNDS {
                let body = format!(
                    "{{\"type\":\"progress\",\"deal\":\"0190d7b2-5f3e-7cc0-8000-000000000000\",\"epoch\":1,\"rev\":{rev},\"state\":\"open\",\
                     \"buyers\":17,\"tipping_point\":10000000,\"needed\":9999983,\"units\":20,\"cap\":null,\"left\":null,\"sold_out\":false,\
                     \"opens_at\":\"2026-11-27T12:00:00Z\",\"closes_at\":\"2026-12-01T12:00:00Z\",\"server_time\":\"2026-11-22T08:00:00.123Z\"}}"
                );
                let request =
                    format!("POST /pub HTTP/1.1\r\nHost: bench\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                connection.send(request.as_bytes()).await?;
                tokio::time::sleep(PROBE_EVERY).await;
            }
            theirs.push((cpu_s(&pids) - cpu) * 1e6 / (sockets.frames() - frames) as f64);
            sockets.close().await;
        }
        stand.show(&format!("round {round}, Muster"));
        let sockets = Sockets::open(ADDRESS, &format!("/api/v1/live?deal={}", deal(&crowd)), FAN_OUT_SOCKETS).await?;
        let mut connection = Connection::open(ADDRESS).await?;
        let (cpu, frames) = (cpu_s(&[stand.pid()]), sockets.frames());
        for number in 0..FAN_OUT_ROUNDS {
            probe(&mut connection, &crowd, &format!("fan{round}"), number).await?;
            tokio::time::sleep(PROBE_EVERY).await;
        }
        ours.push((cpu_s(&[stand.pid()]) - cpu) * 1e6 / (sockets.frames() - frames) as f64);
        sockets.close().await;
    }
    drop(nchan);
    std::fs::remove_dir_all(&folder).ok();
    let has_peer = !theirs.is_empty();
    Ok(vec![Figure {
        place: 14,
        what: format!("server CPU per frame delivered to {FAN_OUT_SOCKETS} sockets, against nchan"),
        ours: format!("{:.1} µs", median(&ours)),
        theirs: if has_peer { format!("{:.1} µs", median(&theirs)) } else { "no nchan here".to_owned() },
        value: has_peer.then(|| median(&ours) / median(&theirs)),
        unit: "×".to_owned(),
        target: Target::AtMost(1.0),
        note: "Muster's CPU time includes the joins".to_owned(),
        measured: String::new(),
    }])
}

/// The resident memory of these processes, in KiB.
fn resident_kib(pids: &[u32]) -> u64 {
    let of = |pid: &u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse::<u64>().ok()
    };
    pids.iter().filter_map(of).sum()
}

/// The user and system time of these processes, in seconds.
fn cpu_s(pids: &[u32]) -> f64 {
    let of = |pid: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
    };
    pids.iter().filter_map(of).sum::<u64>() as f64 / TICKS
}
