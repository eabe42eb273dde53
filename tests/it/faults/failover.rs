//! The Postgres primary is lost and a standby is promoted: exactly the commits that it had not received are lost. With
//! a synchronous standby, nothing acknowledged is lost.

use std::path::Path;

use muster::domain::{DealId, IdempotencyKey};
use muster::engine::AuditOptions;
use muster::engine::client_log::{ClientLog, Reply, Version};
use sqlx::{Connection, PgConnection};
use tokio::time::Instant;

use super::crowd::{Crowd, join_with_retries, wait_until_redis_agrees};
use crate::live::feed::{Client, query};
use crate::support::fault::wait_until;
use crate::support::outcomes::joined;
use crate::support::{self, Person, TestApp};

/// Joins and logs the response.
async fn join_and_log(app: &TestApp, log: &ClientLog, person: &Person, deal: DealId) {
    let call = log.joins(deal, person.id, &IdempotencyKey::parse("a").unwrap(), 1).unwrap();
    let answer = joined(app.engine_join(person, deal, 1, "a").await);
    let reply = Reply {
        status: Some(201),
        id: Some(answer.id),
        units: Some(answer.units),
        number: Some(answer.number),
        ..Reply::default()
    };
    log.answered(call, reply).unwrap();
}

fn log(app: &TestApp, path: &Path, deal: DealId, from: Version) -> ClientLog {
    let log = ClientLog::create(path, app.nodes[0].clock.clone()).unwrap();
    log.begins(deal, from).unwrap();
    log
}

/// The buyers of a deal according to the server at this address.
async fn buyers_at(url: &str, deal: DealId) -> i64 {
    let mut server = PgConnection::connect(url).await.unwrap();
    let buyers = sqlx::query_scalar("SELECT buyers::bigint FROM deals WHERE id = $1").bind(deal.as_uuid());
    let buyers = buyers.fetch_optional(&mut server).await.unwrap().unwrap_or(0);
    server.close().await.unwrap();
    buyers
}

#[tokio::test]
async fn joins_that_a_promoted_standby_missed_are_reported_and_can_be_retried() {
    let mut app = support::app().with_private_servers().nodes(2).with_workers().start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 25).await;
    let deal = app.deal(&mo).tipping_point(15).cap(25).publish().await.id;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client.jsonl");
    let begin = app.progress(deal).await;
    let log = log(&app, &path, deal, Version { epoch: begin.epoch, rev: begin.rev });
    let standby = app.servers().standby().await.unwrap();
    for person in &people[..10] {
        join_and_log(&app, &log, person, deal).await;
    }
    let standby_url = standby.database_url(&app.backend.name);
    wait_until("the standby has received ten joins", async || buyers_at(&standby_url, deal).await == 10).await;
    standby.stop_receiving().await.unwrap();
    for person in &people[10..20] {
        join_and_log(&app, &log, person, deal).await;
    }
    let live = format!("/api/v1/live?{}", query(&[deal]));
    let mut watcher = Client::connect(app.nodes[1].address, &live, None).await.unwrap();
    watcher.frame_where(|frame| frame["buyers"] == 20 && frame["state"] == "tipped").await;

    app.servers().postgres().unwrap().kill().await;
    standby.take_over().await.unwrap();
    let since = Instant::now();
    let frame = watcher.frame_where(|frame| frame["epoch"].as_i64() > Some(begin.epoch)).await;
    println!("watchers received the correct figures after {:?}", since.elapsed());
    assert_eq!((&frame["buyers"], &frame["state"]), (&serde_json::json!(10), &serde_json::json!("open")));
    assert_eq!(app.counts(deal).await, (10, 10));
    wait_until_redis_agrees(&app, deal, "failed over").await;

    let report = app.audit(&AuditOptions { logs: vec![path], ..AuditOptions::default() }).await;
    assert_eq!(report.failed(), ["L1"], "\n{report}");
    assert_eq!(report.findings(), 10, "each lost join is named\n{report}");
    for (n, person) in people.iter().enumerate() {
        let answer = joined(join_with_retries(&app.nodes[n % 2].engine, person, deal, "a").await);
        assert_eq!((answer.replayed, answer.number as usize), (n < 10, n + 1));
    }
    app.settle_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn with_a_synchronous_standby_nothing_acknowledged_is_lost() {
    let mut app = support::app().with_private_servers().nodes(2).with_workers().start().await;
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).tipping_point(20).cap(200).publish().await.id;
    let standby = app.servers().standby().await.unwrap();
    app.backend.sql("ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)'").await;
    app.backend.sql("SELECT pg_reload_conf()").await;
    wait_until("commits wait for the standby", async || {
        app.backend.query_i64("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'quorum'").await == 1
    })
    .await;
    let crowd = Crowd::start(&app, deal, 300).await;
    crowd.wait_until_sold(&app, 80).await;
    let since = Instant::now();
    app.servers().postgres().unwrap().kill().await;
    standby.take_over().await.unwrap();
    println!("the standby took over within {:?}", since.elapsed());
    let at_the_takeover = buyers_at(&app.backend.database_url, deal).await;
    crowd.wait_until_sold(&app, u32::try_from(at_the_takeover).unwrap() + 1).await;
    println!("joins resumed after {:?}", since.elapsed());
    crowd.assert_sold_exactly(&app, 200).await;
    assert!(app.progress(deal).await.epoch > 1);
    wait_until_redis_agrees(&app, deal, "failed over").await;
    app.settle_now().await;
    app.assert_clean().await;
}
