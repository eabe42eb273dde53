//! Compares the exported metrics with the catalogue, and with the dashboard and alerts in `deploy/` that use them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use futures_util::SinkExt;
use muster::telemetry::catalogue::{Kind, METRICS};
use muster::worker;
use reqwest::StatusCode;
use tokio_tungstenite::tungstenite::Message;

use crate::support::app;
use crate::support::fault::wait_until;

/// Labels that Prometheus adds, and the label of histogram buckets.
const ADDED: [&str; 3] = ["instance", "job", "le"];

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Everything in a text that looks like a metric name.
fn names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("muster_")).collect()
}

/// The series of a scrape, with the labels of each.
fn exported(scrape: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in scrape.lines().filter(|line| line.starts_with("muster_")) {
        let (name, rest) = line.split_at(line.find(['{', ' ']).unwrap());
        let labels = found.entry(name.to_owned()).or_default();
        if let Some(list) = rest.strip_prefix('{') {
            labels.extend(labels_in(list.split('}').next().unwrap()));
        }
    }
    found
}

/// The label names in `a="b",c=~"d"`: a and c.
fn labels_in(list: &str) -> impl Iterator<Item = String> + '_ {
    list.split(',').filter_map(|pair| Some(pair.split_once('=')?.0.trim_end_matches(['!', ' ']).trim().to_owned()))
}

/// Produces every metric with labels: a join and a leave, a refused and a closed socket, an audit, and a lost Redis.
async fn scrape_after_some_traffic() -> String {
    let mut app = app()
        .with_private_servers()
        .with_workers()
        .with_metrics()
        .with("live.sockets_per_address_max", "1")
        .start()
        .await;
    let merchant = app.merchant("Mo").await;
    let deal = app.deal(&merchant).tipping_point(2).cap(5).publish().await.id;
    let people = app.people("Pat", 2).await;
    let joined = people[0].post_join(deal, 1, "a").await;
    let signup = joined.json::<serde_json::Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
    let left = people[0].delete(&format!("/api/v1/signups/{signup}")).send().await.unwrap();
    assert_eq!(left.status(), StatusCode::NO_CONTENT);

    let live = format!("ws://{}/api/v1/live?deal={deal}", app.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(&live).await.unwrap();
    assert!(tokio_tungstenite::connect_async(&live).await.is_err(), "only one socket is allowed");
    for _ in 0..30 {
        // The socket may be closed before the last message.
        socket.send(Message::text("too many words")).await.ok();
    }
    worker::observe(&app.store).await.unwrap();
    let internal = format!("http://{}", app.internal_address);
    assert_eq!(app.client.get(format!("{internal}/audit")).send().await.unwrap().status(), StatusCode::OK);

    app.servers().redis().unwrap().kill().await;
    assert_eq!(people[1].post_join(deal, 1, "b").await.status(), StatusCode::CREATED);
    let scrape = async || app.client.get(format!("{internal}/metrics")).send().await.unwrap().text().await.unwrap();
    let mut last = String::new();
    wait_until("every series has been exported", async || {
        last = scrape().await;
        ["muster_redis_lost_total{", "muster_live_closed_total{"].iter().all(|series| last.contains(series))
    })
    .await;
    last
}

#[tokio::test]
async fn the_dashboard_and_the_alerts_use_only_exported_metrics() {
    let exported = exported(&scrape_after_some_traffic().await);
    for path in ["deploy/grafana/muster.json", "deploy/prometheus/alerts.yml"] {
        let text = read(path);
        for series in names(&text) {
            // Prose may name a histogram without its suffix.
            let is_exported = exported.contains_key(series) || exported.contains_key(&format!("{series}_bucket"));
            assert!(is_exported, "{path} reads {series}, which no node exports");
        }
        let plain = text.replace("\\\"", "\"");
        for (start, _) in plain.match_indices("muster_") {
            let series = plain[start..].split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap();
            let Some(list) = plain[start + series.len()..].strip_prefix('{') else { continue };
            for label in labels_in(list.split('}').next().unwrap()) {
                let known = exported[series].contains(&label) || ADDED.contains(&label.as_str());
                assert!(known, "{path} uses the label {label} of {series}");
            }
        }
    }
    for metric in &METRICS {
        let series =
            if metric.kind == Kind::Histogram { format!("{}_bucket", metric.name) } else { metric.name.to_owned() };
        let labels = exported.get(&series).unwrap_or_else(|| panic!("{series} is not exported"));
        let own: BTreeSet<&str> = labels.iter().map(String::as_str).filter(|label| !ADDED.contains(label)).collect();
        assert_eq!(own, metric.labels.iter().copied().collect(), "labels of {}", metric.name);
    }
}

#[test]
fn every_alert_has_a_severity_and_a_description() {
    let text = read("deploy/prometheus/alerts.yml");
    let alerts: Vec<&str> = text.split("- alert: ").skip(1).collect();
    assert!(!alerts.is_empty());
    for alert in alerts {
        let name = alert.lines().next().unwrap();
        for part in ["expr:", "severity:", "summary:", "description:"] {
            assert!(alert.contains(part), "{name} has no {part}");
        }
    }
}

#[test]
fn the_catalogue_lists_exactly_the_metrics_in_the_code() {
    let mut in_code: BTreeMap<String, Kind> = BTreeMap::new();
    let mut folders = vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src")];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let rust = fs::read_to_string(&path).unwrap_or_default();
            for (macro_name, kind) in
                [("counter!(", Kind::Counter), ("gauge!(", Kind::Gauge), ("histogram!(", Kind::Histogram)]
            {
                for call in rust.split(macro_name).skip(1) {
                    if let Some(name) = call.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next()) {
                        in_code.insert(name.to_owned(), kind);
                    }
                }
            }
        }
    }
    let in_catalogue: BTreeMap<String, Kind> =
        METRICS.iter().map(|metric| (metric.name.to_owned(), metric.kind)).collect();
    assert_eq!(in_code, in_catalogue);
    for metric in &METRICS {
        assert_eq!(metric.kind == Kind::Counter, metric.name.ends_with("_total"), "{}", metric.name);
    }
}
