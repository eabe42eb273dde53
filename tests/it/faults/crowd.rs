//! Clients that retry until the outcome is certain, and checks of their outcomes.

use std::collections::HashSet;

use muster::domain::{AccountId, DealId, JoinOutcome, Joined, Refusal};
use muster::engine::Engine;
use muster::quota::Keys;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::fault::wait_until;
use crate::support::people::join_request;
use crate::support::{Person, TestApp};

const CLIENTS: usize = 12;

/// Retries with the same key, as a client does, until the outcome is certain.
pub async fn join_with_retries(engine: &Engine, person: &Person, deal: DealId, key: &str) -> JoinOutcome {
    loop {
        match engine.join(join_request(person, deal, 1, key)).await {
            JoinOutcome::Busy { .. } | JoinOutcome::Pending(_) | JoinOutcome::Refused(Refusal::PlacesHeld) => {
                tokio::task::yield_now().await;
            }
            certain => return certain,
        }
    }
}

/// A crowd in which everybody joins once, twelve at a time, through all nodes.
pub struct Crowd {
    deal: DealId,
    clients: JoinSet<Vec<(AccountId, JoinOutcome)>>,
}

impl Crowd {
    pub async fn start(app: &TestApp, deal: DealId, people: usize) -> Self {
        let people = app.people("Pat", people).await;
        let mut clients = JoinSet::new();
        for n in 0..CLIENTS {
            let mine: Vec<Person> = people.iter().skip(n).step_by(CLIENTS).cloned().collect();
            let engines: Vec<Engine> = app.nodes.iter().map(|node| node.engine.clone()).collect();
            clients.spawn(async move {
                let mut outcomes = Vec::new();
                for (turn, person) in mine.iter().enumerate() {
                    let engine = &engines[(n + turn) % engines.len()];
                    outcomes.push((person.id, join_with_retries(engine, person, deal, "a").await));
                }
                outcomes
            });
        }
        Self { deal, clients }
    }

    /// Waits until this many units are sold.
    pub async fn wait_until_sold(&self, app: &TestApp, units: u32) {
        wait_until("enough units are sold", async || {
            app.store.progress_of(&[self.deal]).await.is_ok_and(|of| of[0].units >= units)
        })
        .await;
    }

    /// Asserts that exactly the cap is sold and that everybody who was told "joined" has that signup.
    pub async fn assert_sold_exactly(self, app: &TestApp, cap: u32) {
        let outcomes = self.clients.join_all().await.concat();
        let (mut joined, mut refused) = (Vec::<(AccountId, Joined)>::new(), 0_usize);
        for (person, outcome) in &outcomes {
            match outcome {
                JoinOutcome::Joined(place) => joined.push((*person, *place)),
                JoinOutcome::Refused(Refusal::SoldOut) => refused += 1,
                other => panic!("unexpected outcome: {other:?}"),
            }
        }
        assert_eq!(app.counts(self.deal).await, (cap, cap), "{} joined, {refused} refused", joined.len());
        assert_eq!((joined.len(), refused), (cap as usize, outcomes.len() - cap as usize));
        let numbers: HashSet<u32> = joined.iter().map(|(_, place)| place.number).collect();
        assert_eq!(numbers, (1..=cap).collect(), "every buyer has a different number");
        for (person, place) in joined {
            let stored = app.store.signup(person, place.id).await.unwrap().unwrap();
            assert_eq!((stored.number, stored.units), (place.number, place.units));
        }
    }
}

/// The fields epoch, rev, applied, units and loaded.
type Fields = (Option<i64>, Option<i64>, Option<i64>, Option<u32>, Option<u32>);

/// Whether Redis has the figures of Postgres for a deal, or does not count the deal as loaded.
pub async fn redis_agrees(app: &TestApp, deal: DealId) -> bool {
    let truth = app.progress(deal).await;
    let fields = ["epoch", "rev", "applied", "units", "loaded"];
    let mut request = redis::cmd("HMGET");
    request.arg(Keys::new(&app.backend.name).quota(deal)).arg(&fields);
    let (epoch, rev, applied, units, loaded): Fields =
        request.query_async(&mut app.backend.redis().await).await.unwrap();
    loaded.is_none()
        || (epoch, rev, applied, units) == (Some(truth.epoch), Some(truth.rev), Some(truth.rev), Some(truth.units))
}

/// Waits until every node admits through Redis and Redis has a deal's figures, and prints how long that took.
pub async fn wait_until_redis_agrees(app: &TestApp, deal: DealId, what: &str) {
    let since = Instant::now();
    for node in &app.nodes {
        wait_until("Redis admits", async || node.engine.admits()).await;
    }
    wait_until("Redis agrees with Postgres", async || redis_agrees(app, deal).await).await;
    println!("{what}: correct again after {:?}", since.elapsed());
}
