//! The simulated crowd against a real node: its counts are exact even during faults.

use std::collections::HashSet;
use std::time::Duration;

use muster::app::shutdown::Shutdown;
use muster::clock::Clock;
use muster::dev::crowd::{self, Arrivals, Background, Client, Pace, Replay, Report, Schedule, Tally};
use muster::dev::people::{Simulated, simulate};
use muster::domain::{Deal, DealState};
use muster::engine::client_log::{self, Call, ClientLog, Line};
use rand::SeedableRng;
use rand::rngs::StdRng;
use secrecy::ExposeSecret;
use tokio::sync::Notify;

use crate::support::app::Node;
use crate::support::rng::seed_or;
use crate::support::{TestApp, app};

/// The default seed. `MUSTER_TEST_SEED` overrides it.
const DEFAULT_SEED: u64 = 7;
/// A recorded campaign whose count rises, falls once, and ends at 60 buyers.
const CAMPAIGN: &[u8] = b"seconds,joined\n0,20\n60,35\n120,33\n180,52\n240,60\n";
const FINAL_BUYERS: u32 = 60;

fn client(node: &Node) -> Client {
    Client::new(node.url("").parse().unwrap()).unwrap()
}

async fn buyers(node: &Node, count: usize) -> Vec<Simulated> {
    simulate(&node.store, count, |_| {}).await.unwrap()
}

async fn deal(app: &TestApp, tipping_point: u32) -> Deal {
    let merchant = app.merchant("Mo").await;
    app.deal(&merchant).tipping_point(tipping_point.into()).publish().await
}

fn campaign(deal: &Deal) -> Replay {
    let (arrivals, seed) = (Arrivals::parse(CAMPAIGN).unwrap(), seed_or(DEFAULT_SEED));
    let schedule = Schedule::plan(&arrivals, "0.2".parse().unwrap(), &mut StdRng::seed_from_u64(seed));
    Replay { deal: deal.id, schedule, pace: Pace::Max, units: 1..=3, concurrency: 8, seed }
}

async fn play(app: &TestApp, client: &Client, replay: &Replay, on_tally: impl Fn(&Tally)) -> Report {
    let buyers = buyers(app, replay.schedule.joins()).await;
    let report = crowd::replay(client, buyers, replay, &Shutdown::new(), on_tally).await.unwrap();
    assert_eq!(report.disagreements(), Vec::<String>::new(), "{report}");
    assert!(report.tally.errors.is_empty() && report.tally.pending == 0, "{report}");
    report
}

#[tokio::test]
async fn a_replayed_campaign_that_does_not_tip_ends_with_its_recorded_count() {
    let app = app().start().await;
    let deal = deal(&app, FINAL_BUYERS + 20).await;
    let report = play(&app, &client(&app), &campaign(&deal), |_| {}).await;
    assert_eq!((report.after.state, report.after.buyers), (DealState::Open, FINAL_BUYERS), "{report}");
    assert_eq!(usize::try_from(report.tally.left).unwrap(), campaign(&deal).schedule.leaves(), "{report}");
}

#[tokio::test]
async fn a_replayed_campaign_tips_its_deal_once_at_the_right_buyer() {
    let app = app().start().await;
    let deal = deal(&app, 34).await;
    let report = play(&app, &client(&app), &campaign(&deal), |_| {}).await;
    let tally = &report.tally;
    assert_eq!(report.after.state, DealState::Tipped, "{report}");
    assert_eq!(tally.tips.iter().map(|tip| tip.number).collect::<Vec<_>>(), [34], "{report}");
    assert!(
        tally.left > 0 && tally.leave_refused.get("already_tipped").is_some_and(|refused| *refused > 0),
        "{report}"
    );

    app.settle_now().await;
    let mut database = app.backend.connect().await;
    let coupons: i64 = sqlx::query_scalar("SELECT count(*) FROM coupons").fetch_one(&mut database).await.unwrap();
    assert_eq!(coupons, tally.units(), "a coupon for each unit");
}

#[tokio::test]
async fn a_crowd_larger_than_the_cap_is_refused_with_codes() {
    let app = app().start().await;
    let merchant = app.merchant("Mo").await;
    let deal = app.deal(&merchant).tipping_point(5).cap(40).publish().await;
    let report = play(&app, &client(&app), &campaign(&deal), |_| {}).await;
    let (tally, left) = (&report.tally, report.after.left.unwrap());
    assert!(
        left < 3
            && tally.refusals() > 0
            && tally.refused.keys().all(|code| ["sold_out", "not_enough_left"].contains(&code.as_str())),
        "{report}"
    );
    assert_eq!(tally.joined + tally.refusals(), tally.attempted, "{report}");
}

#[tokio::test]
async fn counts_stay_exact_while_redis_is_wiped() {
    let mut app = app().with_private_servers().start().await;
    let deal = deal(&app, 50).await;
    let (halfway, replay) = (Notify::new(), campaign(&deal));
    let url = app.servers().redis_url();
    let wipe = async {
        halfway.notified().await;
        let mut redis = redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap();
        redis::cmd("FLUSHALL").query_async::<()>(&mut redis).await.unwrap();
    };
    let client = client(&app);
    let on_tally = |tally: &Tally| {
        if tally.attempted >= 30 {
            halfway.notify_one();
        }
    };
    let (report, ()) = tokio::join!(play(&app, &client, &replay, on_tally), wipe);
    assert_eq!(report.tally.tips.len(), 1, "{report}");
}

#[tokio::test]
async fn counts_stay_exact_while_redis_is_down() {
    let mut app = app().with_private_servers().start().await;
    let deal = deal(&app, 50).await;
    let (client, replay) = (client(&app), campaign(&deal));
    app.servers().redis().unwrap().kill().await;
    let report = play(&app, &client, &replay, |_| {}).await;
    assert_eq!(report.after.state, DealState::Tipped, "{report}");
}

#[tokio::test]
async fn a_replay_reports_joins_by_others() {
    let app = app().start().await;
    let deal = deal(&app, FINAL_BUYERS + 20).await;
    let (replay, stranger) = (campaign(&deal), app.buyer("Ann").await);
    let started = Notify::new();
    let join = async {
        started.notified().await;
        app.engine_join(&stranger, deal.id, 1, "ann").await
    };
    let buyers = buyers(&app, replay.schedule.joins()).await;
    let (client, shutdown) = (client(&app), Shutdown::new());
    let (report, _) = tokio::join!(crowd::replay(&client, buyers, &replay, &shutdown, |_| started.notify_one()), join);
    assert_eq!(report.unwrap().disagreements().len(), 2, "one buyer and one unit too many");
}

#[tokio::test]
async fn the_log_contains_every_call_and_its_response() {
    let app = app().start().await;
    let deal = deal(&app, 34).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    let client = client(&app).with_log(ClientLog::create(&path, Clock::new()).unwrap());
    let report = play(&app, &client, &campaign(&deal), |_| {}).await;

    let (mut joins, mut leaves, mut created, mut marks) = (HashSet::new(), 0, 0, 0);
    for line in client_log::read(&path).unwrap() {
        match line.unwrap().line {
            Line::Call { call: Call::Join { key, .. }, .. } => assert!(joins.insert(key), "a key for each join"),
            Line::Call { call: Call::Leave { .. }, .. } => leaves += 1,
            Line::Reply { reply, .. } => created += u32::from(reply.status == Some(201)),
            Line::Mark(_) => marks += 1,
            Line::Frame { .. } | Line::Closed { .. } => {}
        }
    }
    let tally = &report.tally;
    let logged = (u32::try_from(joins.len()).unwrap(), leaves, created, marks);
    assert_eq!(logged, (tally.attempted, tally.leaving, tally.joined, 2), "{report}");
}

#[tokio::test]
async fn prepared_buyers_can_authenticate() {
    let app = app().start().await;
    let buyer = buyers(&app, 1).await.remove(0);
    assert!(app.store.account(buyer.account).await.unwrap().is_some());
    let answer = app.get("/api/v1/signups").bearer_auth(buyer.token.expose_secret()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn the_background_crowd_joins_one_at_a_time_until_shutdown() {
    let app = app().start().await;
    let deal = deal(&app, 100).await;
    let base_url = app.url("").parse().unwrap();
    let background =
        Background { base_url, buyers: buyers(&app, 20).await, showcase: vec![deal.id], seed: seed_or(DEFAULT_SEED) };
    let shutdown = Shutdown::new();
    let enough = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(100));
        while app.store.progress_of(&[deal.id]).await.unwrap()[0].buyers < 3 {
            ticks.tick().await;
        }
        shutdown.begin();
    };
    let (ended, ()) = tokio::join!(crowd::run_in_background(background, &shutdown), enough);
    ended.unwrap();
    let joined = app.store.progress_of(&[deal.id]).await.unwrap()[0].buyers;
    assert!((3..=4).contains(&joined), "{joined} buyers joined, so joins overlapped");
}
