//! The audit of a consistent system, and the ways to run it.

use muster::engine::{AuditOptions, AuditOutcome};
use serde_json::Value;

use super::fixture::Fixture;
use crate::support::app;

#[tokio::test]
async fn every_check_examines_data_and_finds_nothing() {
    let fixture = Fixture::new().await;
    let report = fixture.app.audit(&AuditOptions::default()).await;
    assert_eq!(report.outcome(), AuditOutcome::Clean, "\n{report}");
    assert_eq!(report.deals, 6);
    let idle: Vec<_> = report.checks().filter(|check| check.looked_at == 0).map(|check| check.id).collect();
    assert_eq!(idle, ["I11", "Q2"], "only these two have nothing to check: no message waits and no hold exists");
}

#[tokio::test]
async fn an_empty_system_is_clean() {
    app().start().await.assert_clean().await;
}

#[tokio::test]
async fn the_internal_address_serves_the_audit_as_json() {
    let mut fixture = Fixture::without_redis_data().await;
    let (client, base) = (fixture.app.client.clone(), format!("http://{}/audit", fixture.app.internal_address));
    let get = async |query: String| client.get(format!("{base}{query}")).send().await.unwrap();

    let table: Value = get(String::new()).await.json().await.unwrap();
    assert_eq!((&table["outcome"], &table["deals"], &table["findings"]), (&"clean".into(), &6.into(), &0.into()));
    assert_eq!(table["checks"].as_array().unwrap().len(), 16);
    assert_eq!(table["checks"][0]["id"], "I1");

    fixture.corrupt("UPDATE deals SET units = units + 1 WHERE id = :tipped").await;
    let table: Value = get(format!("?deal={}", fixture.tipped)).await.json().await.unwrap();
    assert_eq!((&table["outcome"], &table["deals"], &table["findings"]), (&"found".into(), &1.into(), &1.into()));
    assert_eq!(table["checks"][1]["found"][0]["deal"], fixture.tipped.to_string());
    let table: Value = get(format!("?deal={}", fixture.open)).await.json().await.unwrap();
    assert_eq!(table["outcome"], "clean", "the other deal is consistent");

    let answer = get(format!("?deal={}", fixture.merchant.id)).await;
    assert_eq!(answer.status(), 404);
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "no_such_deal");
    assert_eq!(get("?deal=x".to_owned()).await.status(), 400);
    assert_eq!(get("?deals=all".to_owned()).await.status(), 400);
    assert_eq!(
        fixture.app.get("/audit").send().await.unwrap().status(),
        404,
        "the public address does not serve the audit"
    );
}

#[tokio::test]
async fn without_redis_the_audit_names_the_checks_it_could_not_run() {
    let mut app = app().with_private_servers().start().await;
    app.servers().redis().unwrap().kill().await;
    let report = app.audit(&AuditOptions::default()).await;
    assert_eq!(report.outcome(), AuditOutcome::CouldNotLook);
    let not_run: Vec<_> =
        report.checks().filter(|check| check.could_not_look.is_some()).map(|check| check.id).collect();
    assert_eq!(not_run, ["Q1", "Q2", "Q3"]);
}
