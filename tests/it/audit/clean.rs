//! What the audit says of a Muster in order, and how it is asked.

use muster::engine::{AuditOptions, AuditOutcome};
use serde_json::Value;

use super::scene::Scene;
use crate::support::app;

#[tokio::test]
async fn every_check_looks_at_something_and_finds_nothing() {
    let scene = Scene::set().await;
    let report = scene.app.audit(&AuditOptions::default()).await;
    assert_eq!(report.outcome(), AuditOutcome::Clean, "\n{report}");
    assert_eq!(report.deals, 6);
    let idle: Vec<_> = report.checks().filter(|check| check.looked_at == 0).map(|check| check.id).collect();
    assert_eq!(idle, ["I11", "Q2"], "no message waits and nothing is held, but the rest has something to look at");
}

#[tokio::test]
async fn an_empty_muster_is_clean() {
    app().start().await.assert_clean().await;
}

#[tokio::test]
async fn the_internal_listener_serves_the_audit_as_json() {
    let mut scene = Scene::set_in_postgres_alone().await;
    let (client, base) = (scene.app.client.clone(), format!("http://{}/audit", scene.app.internal_address));
    let ask = async |query: String| client.get(format!("{base}{query}")).send().await.unwrap();

    let table: Value = ask(String::new()).await.json().await.unwrap();
    assert_eq!((&table["outcome"], &table["deals"], &table["findings"]), (&"clean".into(), &6.into(), &0.into()));
    assert_eq!(table["checks"].as_array().unwrap().len(), 16);
    assert_eq!(table["checks"][0]["id"], "I1");

    scene.breaks("UPDATE deals SET units = units + 1 WHERE id = :tipped").await;
    let table: Value = ask(format!("?deal={}", scene.tipped)).await.json().await.unwrap();
    assert_eq!((&table["outcome"], &table["deals"], &table["findings"]), (&"found".into(), &1.into(), &1.into()));
    assert_eq!(table["checks"][1]["found"][0]["deal"], scene.tipped.to_string());
    let table: Value = ask(format!("?deal={}", scene.open)).await.json().await.unwrap();
    assert_eq!(table["outcome"], "clean", "the other deal is in order");

    let answer = ask(format!("?deal={}", scene.merchant.id)).await;
    assert_eq!(answer.status(), 404);
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "no_such_deal");
    assert_eq!(ask("?deal=x".to_owned()).await.status(), 400);
    assert_eq!(ask("?deals=all".to_owned()).await.status(), 400);
    assert_eq!(scene.app.get("/audit").send().await.unwrap().status(), 404, "strangers do not get it");
}

#[tokio::test]
async fn without_redis_the_audit_says_what_it_could_not_look_at() {
    let mut app = app().with_private_servers().start().await;
    app.servers().redis().unwrap().kill().await;
    let report = app.audit(&AuditOptions::default()).await;
    assert_eq!(report.outcome(), AuditOutcome::CouldNotLook);
    let blind: Vec<_> = report.checks().filter(|check| check.could_not_look.is_some()).map(|check| check.id).collect();
    assert_eq!(blind, ["Q1", "Q2", "Q3"]);
}
