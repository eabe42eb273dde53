//! A node under attack, somebody who watches a deal on it, and people who join meanwhile.

use std::cell::Cell;
use std::future::Future;
use std::time::Duration;

use muster::domain::DealId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::process::Process;
use crate::live::feed::{Client, in_time, query};
use crate::support::{self, Person, TestApp};

/// How often somebody trickles a byte: often enough to look alive.
const TRICKLE: Duration = Duration::from_millis(50);
/// How often somebody joins.
const ONE_AFTER_THE_OTHER: Duration = Duration::from_millis(50);
const MIB: usize = 1 << 20;

pub struct Siege {
    /// In the end, everything that was promised must hold.
    app: TestApp,
    pub node: Process,
    pub deal: DealId,
    watcher: Client,
    buyers: Vec<Person>,
    joined: u64,
    before: usize,
}

impl Siege {
    pub async fn begin(settings: &[(&str, &str)]) -> Self {
        let app = support::app().start().await;
        let node = Process::start(&app, settings);
        let mo = app.merchant("Mo").await;
        let deal = app.deal(&mo).tipping_point(5_000).publish().await.id;
        let base = format!("http://{}", node.address);
        // A connection that was kept may be closed, for its time was up, at the moment when it is used again.
        let client = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
        let buyers: Vec<_> =
            app.people("Pat", 1_000).await.iter().map(|person| person.at_url(&base, &client)).collect();
        let watcher = Client::connect(node.address, &format!("/api/v1/live?{}", query(&[deal])), None).await;
        let mut siege = Self { app, node, deal, watcher: watcher.expect("a socket"), buyers, joined: 0, before: 0 };
        // Whatever is made for the first request of all is there before anything is measured.
        siege.others_are_served().await;
        siege.before = siege.node.resident_bytes();
        siege
    }

    /// Somebody joins, and somebody else sees it.
    pub async fn others_are_served(&mut self) {
        let answer = in_time(self.buyers.pop().expect("a buyer").join(self.deal, 1, "a")).await;
        assert_eq!(answer.status().as_u16(), 201);
        self.joined += 1;
        let (watcher, joined) = (&mut self.watcher, self.joined);
        in_time(watcher.frame_where(|frame| frame["buyers"] == joined)).await;
    }

    /// Goes on with that until an attack is over; answers what the attack came to, and by how much memory grew at most.
    pub async fn while_others_are_served<T>(&mut self, attack: impl Future<Output = T>) -> (T, usize) {
        let is_over = Cell::new(false);
        let attacking = async {
            let outcome = attack.await;
            is_over.set(true);
            outcome
        };
        let others = async {
            let (mut peak, mut ticks) = (0, tokio::time::interval(ONE_AFTER_THE_OTHER));
            while !is_over.get() {
                ticks.tick().await;
                self.others_are_served().await;
                peak = peak.max(self.node.resident_bytes());
            }
            peak
        };
        let (outcome, peak) = tokio::join!(attacking, others);
        self.others_are_served().await;
        (outcome, peak.max(self.node.resident_bytes()).saturating_sub(self.before))
    }

    /// The attack is over, and nothing that was promised was broken.
    pub async fn end(self) {
        drop(self.node);
        self.app.assert_clean().await;
    }

    pub fn somebody(&self) -> &Person {
        self.buyers.first().expect("a buyer")
    }

    pub async fn connect(&self) -> TcpStream {
        in_time(TcpStream::connect(self.node.address)).await.expect("a connection")
    }
}

/// Says by how much memory grew, and that it is within the bound.
#[track_caller]
pub fn assert_growth(what: &str, grown: usize, most_mib: usize) {
    println!("{what}: grew by {} KiB", grown / 1024);
    assert!(grown < most_mib * MIB, "{what}: grew by {} MiB", grown / MIB);
}

/// All of these at once; what each came to.
pub async fn all<T: Send + 'static>(attacks: impl Iterator<Item = impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    attacks.collect::<JoinSet<T>>().join_all().await
}

/// Sends this, then a byte now and then, until the server has enough; answers what it said.
pub async fn trickle(mut stream: TcpStream, begin: Vec<u8>) -> String {
    stream.write_all(&begin).await.ok();
    let (mut read, mut write) = stream.split();
    let mut said = Vec::new();
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
        ended = read.read_to_end(&mut said) => drop(ended),
        () = trickling => {}
    }
    String::from_utf8_lossy(&said).into_owned()
}

/// Sends as much of this as is taken, and answers how much that was and what was said.
pub async fn pour(stream: TcpStream, head: Vec<u8>, chunk: Vec<u8>, times: usize) -> (usize, String) {
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
    let mut said = Vec::new();
    in_time(read.read_to_end(&mut said)).await.ok();
    // The server is through with it: whatever is not sent yet does not matter.
    let taken = in_time(pouring).await.unwrap_or_default();
    (taken, String::from_utf8_lossy(&said).into_owned())
}
