//! The simulated crowd: what it was told agrees with what the deal says.

use std::time::Duration;

use muster::client_log::{self, ClientLog, Line};
use muster::clock::Clock;
use muster::dev::crowd::arrivals::Arrivals;
use muster::dev::crowd::plan::Plan;
use muster::dev::crowd::{self, Behaviour, Client, Tally};
use muster::dev::people;
use muster::domain::{DealId, DealState, Role};

use crate::support::{self, TestApp};

/// Fast enough that no step is waited for.
const AT_ONCE: u32 = 1_000_000;

async fn play(app: &TestApp, deal: DealId, plan: &Plan, units_max: u32, log: Option<ClientLog>) -> Tally {
    let behaviour =
        Behaviour { deal, speed: AT_ONCE, units_max, at_once_max: 16, patience: Duration::from_secs(30), log };
    let people = people::simulate(&app.ledger, plan.buyers, Role::Buyer, |_| {}).await.unwrap();
    let client = Client::new(&app.url("")).unwrap();
    crowd::play(&client, &behaviour, plan, people, |_| {}).await.unwrap()
}

#[tokio::test]
async fn the_deal_has_whoever_joined_and_did_not_leave_and_tipped_with_the_right_buyer() {
    let app = support::app().start().await;
    let merchant = app.merchant("Mo").await;
    let deal = app.deal(&merchant).tipping_point(60).publish().await.id;
    let plan = Plan::new(&Arrivals::invented(120, 30), 0.2, 5);

    let tally = play(&app, deal, &plan, 1, None).await;

    let progress = app.ledger.deal(deal).await.unwrap().unwrap().progress;
    assert_eq!(tally.joined, plan.buyers as u64, "{tally}");
    assert_eq!(u64::from(progress.buyers), tally.present(), "{tally}");
    assert_eq!(progress.state, DealState::Tipped);
    assert_eq!(tally.tipped_with, Some(60));
    assert!(tally.left > 0, "some leave before it tips: {tally}");
    assert!(tally.not_left["already_tipped"] > 0, "and some try afterwards: {tally}");
}

#[tokio::test]
async fn a_crowd_that_wants_more_than_there_is_is_refused_by_code_and_its_log_tells_each_call() {
    let app = support::app().start().await;
    let merchant = app.merchant("Mo").await;
    let deal = app.deal(&merchant).tipping_point(5).cap(30).publish().await.id;
    let plan = Plan::new(&Arrivals::invented(60, 10), 0.0, 6);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crowd.log");

    let tally = play(&app, deal, &plan, 3, Some(ClientLog::create(&path, Clock::new()).unwrap())).await;

    let progress = app.ledger.deal(deal).await.unwrap().unwrap().progress;
    assert_eq!((u64::from(progress.units), u64::from(progress.buyers)), (tally.units, tally.present()), "{tally}");
    assert!(progress.units >= 28, "what is left is less than anybody may take: {tally}");
    assert_eq!(tally.joined + tally.refused.values().sum::<u64>(), 60, "{tally}");
    assert!(tally.undecided.is_empty(), "{tally}");

    let lines: Vec<_> = client_log::read(&path).unwrap().map(|line| line.unwrap().line).collect();
    let count = |wanted: fn(&Line) -> bool| lines.iter().filter(|line| wanted(line)).count();
    assert_eq!(count(|line| matches!(line, Line::Call { .. })), count(|line| matches!(line, Line::Reply { .. })));
    let joined = count(|line| matches!(line, Line::Reply { reply, .. } if reply.status == Some(201)));
    assert_eq!(joined as u64, tally.joined);
    assert_eq!(count(|line| matches!(line, Line::Mark(_))), 2, "it says where it began and ended");
}
