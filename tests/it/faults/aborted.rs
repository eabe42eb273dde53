//! Requests aborted in the middle of a statement, as when a client resets. Other requests reuse their connections
//! immediately.

use std::time::Duration;

use muster::store::PageRequest;
use rand::RngExt;
use tokio::task::JoinSet;

use crate::support;
use crate::support::fault::DEADLINE;
use crate::support::rng::seeded_rng;

const ROUNDS: usize = 50;
const REQUESTS: usize = ROUNDS * 24;

#[tokio::test]
async fn aborted_requests_leave_no_open_transaction_and_no_stray_reply() {
    let mut rng = seeded_rng();
    let app = support::app().with_proxies().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 8).await;
    let mut deals = Vec::new();
    for _ in 0..8 {
        deals.push(app.deal(&mo).publish().await.id);
    }
    app.proxies[0].postgres.delay_replies(Duration::from_millis(50));
    let mut finished = 0;
    for round in 0..ROUNDS {
        let mut requests = JoinSet::new();
        for n in 0..24 {
            let (engine, store, deal) = (app.engine.clone(), app.store.clone(), deals[n % deals.len()]);
            let (merchant, person) = (mo.merchant_id(), people[n % people.len()].clone());
            requests.spawn(async move {
                match n % 5 {
                    0 => drop(engine.publish(merchant, deal).await.unwrap()),
                    1 => assert_eq!(store.deal(deal).await.unwrap().unwrap().id, deal),
                    2 => drop(store.signups_of_buyer(person.id, &PageRequest::first(5)).await.unwrap()),
                    3 => drop(engine.settle(10).await.unwrap()),
                    _ => drop(engine.close_due().await.unwrap()),
                }
            });
        }
        // Abort all requests at a random moment: in the first round before any reply, in the last one not at all.
        let abort_after = match round {
            0 => Duration::ZERO,
            _ if round == ROUNDS - 1 => DEADLINE,
            _ => Duration::from_millis(rng.random_range(0..300)),
        };
        let finishing = async {
            while let Some(ended) = requests.join_next().await {
                ended.unwrap();
                finished += 1;
            }
        };
        drop(tokio::time::timeout(abort_after, finishing).await);
        requests.shutdown().await;
    }
    println!("{finished} of {REQUESTS} requests finished");
    assert!(0 < finished && finished < REQUESTS, "some requests must finish and some must be aborted");
    app.proxies[0].postgres.delay_replies(Duration::ZERO);

    for n in 0..200 {
        let deal = deals[n % deals.len()];
        assert_eq!(app.store.deal(deal).await.unwrap().unwrap().id, deal, "every caller gets its own reply");
    }
    let left_open = "SELECT count(*) FROM pg_stat_activity
                      WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    assert_eq!(app.backend.query_i64(left_open).await, 0);
    let log = std::fs::read_to_string(app.backend.postgres_log().await).unwrap();
    assert!(!log.contains("current transaction is aborted"), "a later request ran in an aborted transaction");
    app.assert_clean().await;
}
