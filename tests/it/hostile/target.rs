//! A node under attack, a client that watches a deal on it, and buyers who join during the attack.

use std::cell::Cell;
use std::future::Future;
use std::time::Duration;

use muster::domain::DealId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::process::Process;
use crate::live::feed::{Client, query, with_deadline};
use crate::support::{self, Person, TestApp};

/// The time between two bytes of a slow client, short enough for the client to look alive.
const TRICKLE: Duration = Duration::from_millis(50);
/// The time between two joins.
const JOIN_EVERY: Duration = Duration::from_millis(50);
const MIB: usize = 1 << 20;

pub struct Target {
    /// Runs the audit at the end.
    app: TestApp,
    pub node: Process,
    pub deal: DealId,
    watcher: Client,
    buyers: Vec<Person>,
    joined: u64,
    before: usize,
}

impl Target {
    pub async fn begin(settings: &[(&str, &str)]) -> Self {
        let app = support::app().start().await;
        let node = Process::start(&app, settings);
        let mo = app.merchant("Mo").await;
        let deal = app.deal(&mo).tipping_point(5_000).publish().await.id;
        let base = format!("http://{}", node.address);
        // The node may close a kept connection just when it is used again, so none is kept.
        let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
        let buyers: Vec<_> =
            app.people("Pat", 1_000).await.iter().map(|person| person.at_url(&base, &client)).collect();
        let watcher = Client::connect(node.address, &format!("/api/v1/live?{}", query(&[deal])), None).await;
        let mut target = Self { app, node, deal, watcher: watcher.expect("a socket"), buyers, joined: 0, before: 0 };
        // Warm up, so that memory is measured after the first allocations.
        target.assert_serving().await;
        target.before = target.node.resident_bytes();
        target
    }

    /// Joins with a new buyer, and waits until the watcher receives the figures.
    pub async fn assert_serving(&mut self) {
        let answer = with_deadline(self.buyers.pop().expect("a buyer").post_join(self.deal, 1, "a")).await;
        assert_eq!(answer.status().as_u16(), 201);
        self.joined += 1;
        let (watcher, joined) = (&mut self.watcher, self.joined);
        with_deadline(watcher.frame_where(|frame| frame["buyers"] == joined)).await;
    }

    /// Keeps joining and watching until the attack is over. Returns the result of the attack, and the peak growth of
    /// memory in bytes.
    pub async fn serve_during<T>(&mut self, attack: impl Future<Output = T>) -> (T, usize) {
        let is_over = Cell::new(false);
        let attacking = async {
            let outcome = attack.await;
            is_over.set(true);
            outcome
        };
        let others = async {
            let (mut peak, mut ticks) = (0, tokio::time::interval(JOIN_EVERY));
            while !is_over.get() {
                ticks.tick().await;
                self.assert_serving().await;
                peak = peak.max(self.node.resident_bytes());
            }
            peak
        };
        let (outcome, peak) = tokio::join!(attacking, others);
        self.assert_serving().await;
        (outcome, peak.max(self.node.resident_bytes()).saturating_sub(self.before))
    }

    /// Stops the node and asserts that the audit is clean.
    pub async fn end(self) {
        drop(self.node);
        self.app.assert_clean().await;
    }

    pub fn any_buyer(&self) -> &Person {
        self.buyers.first().expect("a buyer")
    }

    pub async fn connect(&self) -> TcpStream {
        with_deadline(TcpStream::connect(self.node.address)).await.expect("a connection")
    }
}

/// Prints by how much memory grew, and asserts the bound.
#[track_caller]
pub fn assert_growth(what: &str, grown: usize, limit_mib: usize) {
    println!("{what}: grew by {} KiB", grown / 1024);
    assert!(grown < limit_mib * MIB, "{what}: grew by {} MiB", grown / MIB);
}

/// Runs all attacks concurrently and returns their results.
pub async fn run_all<T: Send + 'static>(
    attacks: impl Iterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    attacks.collect::<JoinSet<T>>().join_all().await
}

/// Sends `begin` and then a byte at a time until the server closes the connection. Returns the response.
pub async fn trickle(mut stream: TcpStream, begin: Vec<u8>) -> String {
    stream.write_all(&begin).await.ok();
    let (mut read, mut write) = stream.split();
    let mut response = Vec::new();
    let mut ticks = tokio::time::interval(TRICKLE);
    let trickling = async {
        loop {
            ticks.tick().await;
            if write.write_all(b"x").await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        ended = read.read_to_end(&mut response) => drop(ended),
        () = trickling => {}
    }
    String::from_utf8_lossy(&response).into_owned()
}

/// Sends until the server takes no more. Returns how many bytes it took, and the response.
pub async fn flood(stream: TcpStream, head: Vec<u8>, chunk: Vec<u8>, times: usize) -> (usize, String) {
    let (mut read, mut write) = stream.into_split();
    let pouring = tokio::spawn(async move {
        let mut taken = 0;
        if write.write_all(&head).await.is_ok() {
            for _ in 0..times {
                if write.write_all(&chunk).await.is_err() {
                    break;
                }
                taken += chunk.len();
            }
        }
        taken
    });
    let mut response = Vec::new();
    with_deadline(read.read_to_end(&mut response)).await.ok();
    // The server has closed the connection, so the rest need not be sent.
    let taken = with_deadline(pouring).await.unwrap_or_default();
    (taken, String::from_utf8_lossy(&response).into_owned())
}
