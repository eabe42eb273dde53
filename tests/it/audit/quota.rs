//! What Redis must say.

use muster::domain::DealId;
use muster::engine::{AuditOptions, AuditStep};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use super::scene::Scene;

#[tokio::test]
async fn q1_finds_other_figures_and_terms_of_the_same_version() {
    let figures = [("units", "7"), ("buyers", "7"), ("state", "failed")];
    let terms = [("cap", "11"), ("tipping_point", "3"), ("opens_ms", "1"), ("closes_ms", "9999999999999")];
    for (field, value) in figures.into_iter().chain(terms) {
        let scene = Scene::set().await;
        scene.breaks_redis(&["HSET", &scene.key(scene.tipped, "quota"), field, value]).await;
        scene.assert_found("Q1", scene.tipped).await;
    }
}

#[tokio::test]
async fn q1_finds_a_version_that_postgres_does_not_know() {
    for field in ["rev", "applied", "epoch"] {
        let scene = Scene::set().await;
        scene.breaks_redis(&["HINCRBY", &scene.key(scene.tipped, "quota"), field, "5"]).await;
        scene.assert_found("Q1", scene.tipped).await;
    }
}

#[tokio::test]
async fn q1_finds_that_redis_never_heard_of_a_change() {
    let mut scene = Scene::set().await;
    scene.breaks("UPDATE deals SET rev = rev + 1 WHERE id = :open").await;
    scene.assert_found("Q1", scene.open).await;
    scene.app.reconcile_now().await;
    scene.assert_nothing_found().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn q1_does_not_report_what_arrives_in_time() {
    let mut scene = Scene::set().await;
    scene.breaks("UPDATE deals SET rev = rev + 1 WHERE id = :open").await;
    let mut looked_again = 0;
    let repair = |step| {
        if let AuditStep::LookingAgain(_) = step {
            looked_again += 1;
            block_in_place(|| Handle::current().block_on(scene.app.reconcile_now()));
        }
    };
    let report = scene.app.engine.audit(&AuditOptions::default(), repair).await.unwrap();
    assert!(report.failed().is_empty(), "\n{report}");
    assert_eq!(looked_again, 1);
}

#[tokio::test]
async fn q1_finds_a_buyer_whose_units_differ() {
    let scene = Scene::set().await;
    let (buyer, known) = some_buyer(&scene, scene.tipped).await;
    let (units, rev) = known.split_once(' ').unwrap();
    let other = format!("{} {rev}", units.parse::<u32>().unwrap() + 1);
    scene.breaks_redis(&["HSET", &scene.key(scene.tipped, "buyers"), &buyer, &other]).await;
    scene.assert_found("Q1", scene.tipped).await;
}

#[tokio::test]
async fn q1_finds_a_buyer_who_is_missing() {
    let scene = Scene::set().await;
    let (buyer, _) = some_buyer(&scene, scene.tipped).await;
    scene.breaks_redis(&["HDEL", &scene.key(scene.tipped, "buyers"), &buyer]).await;
    scene.assert_found("Q1", scene.tipped).await;
}

#[tokio::test]
async fn q1_finds_a_buyer_who_never_joined() {
    let scene = Scene::set().await;
    let stranger = scene.merchant.id.to_string();
    scene.breaks_redis(&["HSET", &scene.key(scene.tipped, "buyers"), &stranger, "1 1"]).await;
    scene.assert_found("Q1", scene.tipped).await;
}

#[tokio::test]
async fn q1_finds_what_cannot_be_read() {
    let scene = Scene::set().await;
    scene.breaks_redis(&["HSET", &scene.key(scene.tipped, "quota"), "units", "many"]).await;
    scene.assert_found("Q1", scene.tipped).await;
}

#[tokio::test]
async fn q1_passes_over_what_admission_would_load_again() {
    let scene = Scene::set().await;
    scene.breaks_redis(&["HSET", &scene.key(scene.tipped, "quota"), "run_id", "an older copy", "units", "7"]).await;
    scene.assert_nothing_found().await;

    let evicted = Scene::set().await;
    evicted.breaks_redis(&["DEL", &evicted.key(evicted.tipped, "buyers")]).await;
    evicted.assert_nothing_found().await;
}

#[tokio::test]
async fn q2_finds_sums_that_are_not_those_of_the_holds() {
    for field in ["=units", "=new"] {
        let scene = Scene::set().await;
        hold(&scene, "1", -1).await;
        scene.assert_nothing_found().await;
        scene.breaks_redis(&["HINCRBY", &scene.key(scene.open, "held"), field, "1"]).await;
        let report = scene.app.audit(&AuditOptions::at_rest()).await;
        assert_eq!(report.failed(), ["Q2"], "\n{report}");
    }
}

#[tokio::test]
async fn q2_finds_a_hold_that_never_ends() {
    let scene = Scene::set().await;
    hold(&scene, "1", -1).await;
    scene.breaks_redis(&["ZREM", &scene.key(scene.open, "holds"), "1"]).await;
    scene.assert_found("Q2", scene.open).await;
}

#[tokio::test]
async fn q2_finds_a_hold_that_lasts_too_long() {
    let scene = Scene::set().await;
    hold(&scene, "1", 60_000).await;
    scene.assert_found("Q2", scene.open).await;
}

#[tokio::test]
async fn q2_finds_holds_whose_keys_stay_for_ever() {
    let scene = Scene::set().await;
    hold(&scene, "1", -1).await;
    scene.breaks_redis(&["PERSIST", &scene.key(scene.open, "held")]).await;
    scene.assert_found("Q2", scene.open).await;
}

#[tokio::test]
async fn q2_finds_a_hold_that_is_left_when_nobody_joins() {
    let scene = Scene::set().await;
    hold(&scene, "1", 10_000).await;
    scene.assert_found("Q2", scene.open).await;
}

#[tokio::test]
async fn q3_finds_a_key_without_a_hash_tag() {
    let scene = Scene::set().await;
    let key = format!("{}:{}:quota", scene.app.home.name, scene.open);
    scene.breaks_redis(&["SET", &key, "1"]).await;
    scene.assert_found("Q3", None).await;
}

#[tokio::test]
async fn q3_finds_a_key_of_a_deal_without_the_prefix_but_not_what_others_keep() {
    let scene = Scene::set().await;
    let others = format!("other:{{{}}}:quota", DealId::generate());
    scene.breaks_redis(&["SET", &others, "1"]).await;
    scene.assert_nothing_found().await;
    let ours = format!("{{{}}}:quota", scene.open);
    scene.breaks_redis(&["SET", &ours, "1"]).await;
    scene.assert_found("Q3", scene.open).await;
    scene.breaks_redis(&["DEL", &ours, &others]).await;
}

async fn some_buyer(scene: &Scene, deal: DealId) -> (String, String) {
    let mut ask = redis::cmd("HGETALL");
    ask.arg(scene.key(deal, "buyers"));
    let buyers: Vec<(String, String)> = ask.query_async(&mut scene.redis().await).await.unwrap();
    buyers.into_iter().find(|(buyer, _)| buyer != "=whole").unwrap()
}

/// A hold of one unit of a new buyer, as `lua/admit.lua` writes it, that ends in so many ms.
async fn hold(scene: &Scene, signup: &str, ends_in_ms: i64) {
    let (held, holds) = (scene.key(scene.open, "held"), scene.key(scene.open, "holds"));
    let (seconds, micros): (i64, i64) = redis::cmd("TIME").query_async(&mut scene.redis().await).await.unwrap();
    let ends_ms = (seconds * 1000 + micros / 1000 + ends_in_ms).to_string();
    scene.breaks_redis(&["DEL", &held, &holds]).await;
    scene.breaks_redis(&["HSET", &held, signup, "1 1", "=units", "1", "=new", "1"]).await;
    scene.breaks_redis(&["ZADD", &holds, &ends_ms, signup]).await;
    for key in [&held, &holds] {
        scene.breaks_redis(&["PEXPIRE", key, "30000"]).await;
    }
}
