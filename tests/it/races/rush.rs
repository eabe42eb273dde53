//! Sixty clients make 2,000 attempts at 200 units, over HTTP and at two nodes, and log every response. Also while Redis
//! is wiped or restarts. `RUSH=full` makes it 300 clients, 20,000 attempts and 1,000 units.

use std::sync::LazyLock;

use muster::domain::{DealId, IdempotencyKey, Progress};
use muster::engine::client_log::{self, ClientLog, Version};
use muster::engine::{AuditOptions, AuditOutcome};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

use crate::support::fault::wait_until;
use crate::support::rng::seed;
use crate::support::{self, Person, TestApp};

/// The size of a rush.
struct Size {
    clients: usize,
    attempts: usize,
    cap: u32,
}

static SIZE: LazyLock<Size> = LazyLock::new(|| match std::env::var("RUSH").as_deref() {
    Ok("full") => Size { clients: 300, attempts: 20_000, cap: 1_000 },
    _ => Size { clients: 60, attempts: 2_000, cap: 200 },
});

/// A client: its people, the same people as clients of each node, and its log.
struct Client {
    people: Vec<Person>,
    bases: Vec<Vec<Person>>,
    deal: DealId,
    log: ClientLog,
    rng: StdRng,
}

impl Client {
    /// Joins until the outcome is certain. Returns the units, if they were refused because too few were left.
    async fn attempt(&mut self, n: usize) -> Option<u32> {
        let who = self.rng.random_range(0..self.people.len());
        let units = self.rng.random_range(1..=3);
        let key = IdempotencyKey::parse(&format!("attempt-{n}")).unwrap();
        let mut node = self.rng.random_range(0..self.bases.len());
        loop {
            let call = self.log.joins(self.deal, self.people[who].id, &key, units).unwrap();
            let response = self.bases[node][who].try_post_join(self.deal, units, key.as_str()).await;
            let (status, body) = match response {
                Ok(response) => (response.status().as_u16(), response.json::<Value>().await.unwrap_or_default()),
                Err(error) => {
                    let lost = client_log::Reply { error: Some(error.to_string()), ..Default::default() };
                    self.log.answered(call, lost).unwrap();
                    continue;
                }
            };
            let code = body["code"].as_str().unwrap_or_default().to_owned();
            let number = |field: &str| body[field].as_u64().and_then(|n| u32::try_from(n).ok());
            let reply = client_log::Reply {
                status: Some(status),
                code: (!code.is_empty()).then(|| code.clone()),
                id: body["id"].as_str().and_then(|id| id.parse().ok()),
                units: number("units"),
                number: number("number"),
                ..Default::default()
            };
            self.log.answered(call, reply).unwrap();
            match (status, code.as_str()) {
                (201, _) | (409, "buyer_limit") => return None,
                (409, "sold_out" | "not_enough_left") => return Some(units),
                // Retried with the same key at the other node.
                (409, "places_held") | (202 | 503, _) => node = (node + 1) % self.bases.len(),
                _ => panic!("unexpected response: {status} {body}"),
            }
        }
    }
}

struct Rush {
    app: TestApp,
    deal: DealId,
    logs: tempfile::TempDir,
    clients: tokio::task::JoinSet<Option<u32>>,
}

impl Rush {
    async fn begin(app: TestApp) -> Self {
        let seed = seed();
        let mo = app.merchant("Mo").await;
        let deal = app.deal(&mo).tipping_point(30).cap(i64::from(SIZE.cap)).per_buyer_max(4).publish().await.id;
        let mut people = app.people("Pat", SIZE.clients * 12).await;
        let logs = tempfile::tempdir().unwrap();
        let begin = version(&app.progress(deal).await);
        let mut clients = tokio::task::JoinSet::new();
        for n in 0..SIZE.clients {
            let people: Vec<Person> = people.drain(..12).collect();
            let bases = app.nodes.iter().map(|node| people.iter().map(|person| person.at(node)).collect()).collect();
            let log = ClientLog::create(&logs.path().join(format!("{n}.jsonl")), app.nodes[0].clock.clone()).unwrap();
            log.begins(deal, begin).unwrap();
            let rng = StdRng::seed_from_u64(seed.wrapping_add(n as u64));
            let mut client = Client { people, bases, deal, log, rng };
            clients.spawn(async move {
                let mut smallest_refused = None;
                for attempt in (n..SIZE.attempts).step_by(SIZE.clients) {
                    let refused = client.attempt(attempt).await;
                    smallest_refused = [smallest_refused, refused].into_iter().flatten().min();
                }
                smallest_refused
            });
        }
        Self { app, deal, logs, clients }
    }

    async fn wait_until_sold(&self, units: u32) {
        wait_until("enough units are sold", async || self.app.counts(self.deal).await.1 >= units).await;
    }

    /// Asserts that the cap is sold, or that less is left than the smallest refused request wanted, and that every
    /// client's log agrees.
    async fn assert_sold_exactly(self) {
        let refused = self.clients.join_all().await.into_iter().flatten().min();
        let progress = self.app.progress(self.deal).await;
        let left = progress.left().unwrap();
        assert!(left == 0 || refused.is_some_and(|units| left < units), "{left} left, though {refused:?} was refused");
        self.app.settle_now().await;
        let logs: Vec<_> = self.logs.path().read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(logs.len(), SIZE.clients);
        let report = self.app.audit(&AuditOptions { logs, ..AuditOptions::default() }).await;
        assert_eq!(report.outcome(), AuditOutcome::Clean, "\n{report}");
        let compared: Vec<_> = report.checks().filter(|check| check.looked_at > 0).map(|check| check.id).collect();
        assert!(compared.contains(&"L1") && compared.contains(&"L2"), "{compared:?}");
    }
}

fn version(progress: &Progress) -> Version {
    Version { epoch: progress.epoch, rev: progress.rev }
}

#[tokio::test]
async fn a_rush_sells_exactly_the_cap() {
    let app = support::app().nodes(2).with_workers().start().await;
    Rush::begin(app).await.assert_sold_exactly().await;
}

#[tokio::test]
async fn a_rush_sells_exactly_the_cap_while_redis_is_wiped() {
    let app = support::app().with_private_servers().nodes(2).with_workers().start().await;
    let rush = Rush::begin(app).await;
    for sold in [SIZE.cap / 3, SIZE.cap * 3 / 4, SIZE.cap - 3] {
        rush.wait_until_sold(sold).await;
        let () = redis::cmd("FLUSHALL").query_async(&mut rush.app.backend.redis().await).await.unwrap();
    }
    rush.assert_sold_exactly().await;
}

#[tokio::test]
async fn a_rush_sells_exactly_the_cap_while_redis_restarts() {
    let app = support::app().with_private_servers().nodes(2).with_workers().start().await;
    let mut rush = Rush::begin(app).await;
    rush.wait_until_sold(SIZE.cap / 3).await;
    rush.app.servers().redis().unwrap().stop().await;
    rush.wait_until_sold(SIZE.cap * 2 / 3).await;
    rush.app.servers().redis().unwrap().start().await.unwrap();
    rush.assert_sold_exactly().await;
}
