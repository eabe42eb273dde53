//! Checks of the data in Redis.

use muster::domain::DealId;
use muster::engine::{AuditOptions, AuditStep};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use super::fixture::Fixture;

#[tokio::test]
async fn q1_finds_figures_and_terms_that_differ_at_the_same_version() {
    let figures = [("units", "7"), ("buyers", "7"), ("state", "failed")];
    let terms = [("cap", "11"), ("tipping_point", "3"), ("opens_ms", "1"), ("closes_ms", "9999999999999")];
    for (field, value) in figures.into_iter().chain(terms) {
        let fixture = Fixture::new().await;
        fixture.corrupt_redis(&["HSET", &fixture.key(fixture.tipped, "quota"), field, value]).await;
        fixture.assert_found("Q1", fixture.tipped).await;
    }
}

#[tokio::test]
async fn q1_finds_a_version_ahead_of_postgres() {
    for field in ["rev", "applied", "epoch"] {
        let fixture = Fixture::new().await;
        fixture.corrupt_redis(&["HINCRBY", &fixture.key(fixture.tipped, "quota"), field, "5"]).await;
        fixture.assert_found("Q1", fixture.tipped).await;
    }
}

#[tokio::test]
async fn q1_finds_a_change_that_redis_never_received() {
    let mut fixture = Fixture::new().await;
    fixture.corrupt("UPDATE deals SET rev = rev + 1 WHERE id = :open").await;
    fixture.assert_found("Q1", fixture.open).await;
    fixture.app.reconcile_now().await;
    fixture.assert_nothing_found().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn q1_does_not_report_a_change_that_arrives_in_time() {
    let mut fixture = Fixture::new().await;
    fixture.corrupt("UPDATE deals SET rev = rev + 1 WHERE id = :open").await;
    let mut rechecks = 0;
    let repair = |step| {
        if let AuditStep::Rechecking(_) = step {
            rechecks += 1;
            block_in_place(|| Handle::current().block_on(fixture.app.reconcile_now()));
        }
    };
    let report = fixture.app.engine.audit().run(&AuditOptions::default(), repair).await.unwrap();
    assert!(report.failed().is_empty(), "\n{report}");
    assert_eq!(rechecks, 1);
}

#[tokio::test]
async fn q1_finds_a_buyer_whose_units_differ() {
    let fixture = Fixture::new().await;
    let (buyer, known) = some_buyer(&fixture, fixture.tipped).await;
    let (units, rev) = known.split_once(' ').unwrap();
    let other = format!("{} {rev}", units.parse::<u32>().unwrap() + 1);
    fixture.corrupt_redis(&["HSET", &fixture.key(fixture.tipped, "buyers"), &buyer, &other]).await;
    fixture.assert_found("Q1", fixture.tipped).await;
}

#[tokio::test]
async fn q1_finds_a_missing_buyer() {
    let fixture = Fixture::new().await;
    let (buyer, _) = some_buyer(&fixture, fixture.tipped).await;
    fixture.corrupt_redis(&["HDEL", &fixture.key(fixture.tipped, "buyers"), &buyer]).await;
    fixture.assert_found("Q1", fixture.tipped).await;
}

#[tokio::test]
async fn q1_finds_a_buyer_who_never_joined() {
    let fixture = Fixture::new().await;
    let stranger = fixture.merchant.id.to_string();
    fixture.corrupt_redis(&["HSET", &fixture.key(fixture.tipped, "buyers"), &stranger, "1 1"]).await;
    fixture.assert_found("Q1", fixture.tipped).await;
}

#[tokio::test]
async fn q1_finds_unreadable_figures() {
    let fixture = Fixture::new().await;
    fixture.corrupt_redis(&["HSET", &fixture.key(fixture.tipped, "quota"), "units", "many"]).await;
    fixture.assert_found("Q1", fixture.tipped).await;
}

#[tokio::test]
async fn q1_ignores_deals_that_admission_would_reload() {
    let fixture = Fixture::new().await;
    fixture
        .corrupt_redis(&["HSET", &fixture.key(fixture.tipped, "quota"), "run_id", "an older copy", "units", "7"])
        .await;
    fixture.assert_nothing_found().await;

    let evicted = Fixture::new().await;
    evicted.corrupt_redis(&["DEL", &evicted.key(evicted.tipped, "buyers")]).await;
    evicted.assert_nothing_found().await;
}

#[tokio::test]
async fn q2_finds_sums_that_differ_from_the_holds() {
    for field in ["=units", "=new"] {
        let fixture = Fixture::new().await;
        hold(&fixture, "1", -1).await;
        fixture.assert_nothing_found().await;
        fixture.corrupt_redis(&["HINCRBY", &fixture.key(fixture.open, "held"), field, "1"]).await;
        let report = fixture.app.audit(&AuditOptions::at_rest()).await;
        assert_eq!(report.failed(), ["Q2"], "\n{report}");
    }
}

#[tokio::test]
async fn q2_finds_a_hold_without_an_expiry() {
    let fixture = Fixture::new().await;
    hold(&fixture, "1", -1).await;
    fixture.corrupt_redis(&["ZREM", &fixture.key(fixture.open, "holds"), "1"]).await;
    fixture.assert_found("Q2", fixture.open).await;
}

#[tokio::test]
async fn q2_finds_a_hold_that_lasts_too_long() {
    let fixture = Fixture::new().await;
    hold(&fixture, "1", 60_000).await;
    fixture.assert_found("Q2", fixture.open).await;
}

#[tokio::test]
async fn q2_finds_hold_keys_without_a_ttl() {
    let fixture = Fixture::new().await;
    hold(&fixture, "1", -1).await;
    fixture.corrupt_redis(&["PERSIST", &fixture.key(fixture.open, "held")]).await;
    fixture.assert_found("Q2", fixture.open).await;
}

#[tokio::test]
async fn q2_finds_a_leftover_hold_when_idle() {
    let fixture = Fixture::new().await;
    hold(&fixture, "1", 10_000).await;
    fixture.assert_found("Q2", fixture.open).await;
}

#[tokio::test]
async fn q3_finds_a_key_without_a_hash_tag() {
    let fixture = Fixture::new().await;
    let key = format!("{}:{}:quota", fixture.app.backend.name, fixture.open);
    fixture.corrupt_redis(&["SET", &key, "1"]).await;
    fixture.assert_found("Q3", None).await;
}

#[tokio::test]
async fn q3_finds_a_deals_key_without_the_prefix_and_ignores_foreign_keys() {
    let fixture = Fixture::new().await;
    let others = format!("other:{{{}}}:quota", DealId::generate());
    fixture.corrupt_redis(&["SET", &others, "1"]).await;
    fixture.assert_nothing_found().await;
    let ours = format!("{{{}}}:quota", fixture.open);
    fixture.corrupt_redis(&["SET", &ours, "1"]).await;
    fixture.assert_found("Q3", fixture.open).await;
    fixture.corrupt_redis(&["DEL", &ours, &others]).await;
}

async fn some_buyer(fixture: &Fixture, deal: DealId) -> (String, String) {
    let mut request = redis::cmd("HGETALL");
    request.arg(fixture.key(deal, "buyers"));
    let buyers: Vec<(String, String)> = request.query_async(&mut fixture.redis().await).await.unwrap();
    buyers.into_iter().find(|(buyer, _)| buyer != "=whole").unwrap()
}

/// Writes a hold of one unit for a new buyer, as `lua/admit.lua` does. It expires in this many milliseconds.
async fn hold(fixture: &Fixture, signup: &str, expires_in_ms: i64) {
    let (held, holds) = (fixture.key(fixture.open, "held"), fixture.key(fixture.open, "holds"));
    let (seconds, micros): (i64, i64) = redis::cmd("TIME").query_async(&mut fixture.redis().await).await.unwrap();
    let expires_ms = (seconds * 1000 + micros / 1000 + expires_in_ms).to_string();
    fixture.corrupt_redis(&["DEL", &held, &holds]).await;
    fixture.corrupt_redis(&["HSET", &held, signup, "1 1", "=units", "1", "=new", "1"]).await;
    fixture.corrupt_redis(&["ZADD", &holds, &expires_ms, signup]).await;
    for key in [&held, &holds] {
        fixture.corrupt_redis(&["PEXPIRE", key, "30000"]).await;
    }
}
