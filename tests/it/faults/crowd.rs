//! People who join until they are told the outcome, and what must be true of what they were told.

use std::collections::HashSet;

use muster::domain::{AccountId, DealId, JoinOutcome, Joined, Refusal};
use muster::engine::Engine;
use muster::quota::Keys;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::fault::until;
use crate::support::people::wish;
use crate::support::{Person, TestApp};

const CLIENTS: usize = 12;

/// Asks again with the same key, as a client does, until the outcome is certain.
pub async fn join_patiently(engine: &Engine, person: &Person, deal: DealId, key: &str) -> JoinOutcome {
    loop {
        match engine.join(wish(person, deal, 1, key)).await {
            JoinOutcome::Busy { .. } | JoinOutcome::Pending(_) | JoinOutcome::Refused(Refusal::PlacesHeld) => {
                tokio::task::yield_now().await;
            }
            told => return told,
        }
    }
}

/// Everybody joins once, a dozen at a time, at the nodes in turn.
pub struct Crowd {
    deal: DealId,
    clients: JoinSet<Vec<(AccountId, JoinOutcome)>>,
}

impl Crowd {
    pub async fn sets_out(app: &TestApp, deal: DealId, people: usize) -> Self {
        let people = app.people("Pat", people).await;
        let mut clients = JoinSet::new();
        for n in 0..CLIENTS {
            let mine: Vec<Person> = people.iter().skip(n).step_by(CLIENTS).cloned().collect();
            let engines: Vec<Engine> = app.nodes.iter().map(|node| node.engine.clone()).collect();
            clients.spawn(async move {
                let mut told = Vec::new();
                for (turn, person) in mine.iter().enumerate() {
                    let engine = &engines[(n + turn) % engines.len()];
                    told.push((person.id, join_patiently(engine, person, deal, "a").await));
                }
                told
            });
        }
        Self { deal, clients }
    }

    /// Waits until so many units are sold.
    pub async fn has_bought(&self, app: &TestApp, units: u32) {
        until("so much is sold", async || {
            app.store.progress_of(&[self.deal]).await.is_ok_and(|of| of[0].units >= units)
        })
        .await;
    }

    /// Whatever happened: as much is sold as there is, and each who was told "joined" has the place that they were told of.
    pub async fn got_what_there_was(self, app: &TestApp, cap: u32) {
        let told = self.clients.join_all().await.concat();
        let (mut joined, mut refused) = (Vec::<(AccountId, Joined)>::new(), 0_usize);
        for (person, outcome) in &told {
            match outcome {
                JoinOutcome::Joined(place) => joined.push((*person, *place)),
                JoinOutcome::Refused(Refusal::SoldOut) => refused += 1,
                other => panic!("told {other:?}"),
            }
        }
        assert_eq!(app.counts(self.deal).await, (cap, cap), "{} joined, {refused} refused", joined.len());
        assert_eq!((joined.len(), refused), (cap as usize, told.len() - cap as usize));
        let numbers: HashSet<u32> = joined.iter().map(|(_, place)| place.number).collect();
        assert_eq!(numbers, (1..=cap).collect(), "everybody has a number of their own");
        for (person, place) in joined {
            let stored = app.store.signup(person, place.id).await.unwrap().unwrap();
            assert_eq!((stored.number, stored.units), (place.number, place.units));
        }
    }
}

/// epoch, rev, applied, units, loaded
type Known = (Option<i64>, Option<i64>, Option<i64>, Option<u32>, Option<u32>);

/// Whether Redis says of a deal what Postgres says, buyers included, or knows that it does not know it.
pub async fn is_right(app: &TestApp, deal: DealId) -> bool {
    let truth = app.progress(deal).await;
    let fields = ["epoch", "rev", "applied", "units", "loaded"];
    let mut known = redis::cmd("HMGET");
    known.arg(Keys::new(&app.home.name).quota(deal)).arg(&fields);
    let (epoch, rev, applied, units, loaded): Known = known.query_async(&mut app.home.redis().await).await.unwrap();
    loaded.is_none()
        || (epoch, rev, applied, units) == (Some(truth.epoch), Some(truth.rev), Some(truth.rev), Some(truth.units))
}

/// Waits until Redis admits at every node and is right about a deal, and prints how long that took.
pub async fn is_right_again(app: &TestApp, deal: DealId, what: &str) {
    let since = Instant::now();
    for node in &app.nodes {
        until("Redis admits", async || node.engine.admits()).await;
    }
    until("Redis is right", async || is_right(app, deal).await).await;
    println!("{what}: right again after {:?}", since.elapsed());
}
