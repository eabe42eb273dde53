//! What must hold of signups, of what they say their buyer holds, and of their coupons.

use std::time::Duration;

use super::scene::Scene;

#[tokio::test]
async fn i3_finds_a_buyer_over_the_limit() {
    let mut scene = Scene::set_in_postgres_alone().await;
    scene.breaks("UPDATE deals SET per_buyer_max = 1 WHERE id = :tipped").await;
    scene.assert_found("I3", scene.tipped).await;
}

#[tokio::test]
async fn i4_finds_a_signup_that_says_its_buyer_holds_more() {
    let mut scene = Scene::set_in_postgres_alone().await;
    scene.breaks("UPDATE signups SET held = 3 WHERE deal = :tipped AND units = 2").await;
    scene.assert_found("I4", scene.tipped).await;
}

#[tokio::test]
async fn i4_finds_that_somebody_who_left_still_holds_units() {
    let mut scene = Scene::set_in_postgres_alone().await;
    scene.breaks("UPDATE signups SET held = 1 WHERE deal = :open AND state = 'left'").await;
    scene.assert_found("I4", scene.open).await;
}

#[tokio::test]
async fn i7_finds_a_signup_from_after_the_end() {
    let mut scene = Scene::set_in_postgres_alone().await;
    scene.breaks("UPDATE signups SET joined_at = ended_at + interval '1 second' FROM deals WHERE deal = :failed AND deals.id = deal").await;
    scene.assert_found("I7", scene.failed).await;
}

#[tokio::test]
async fn i7_finds_a_signup_from_after_the_deadline() {
    let mut scene = Scene::set_in_postgres_alone().await;
    scene.breaks("UPDATE signups SET joined_at = closes_at FROM deals WHERE deal = :tipped AND deals.id = deal").await;
    scene.assert_found("I7", scene.tipped).await;
}

#[tokio::test]
async fn i7_finds_a_signup_of_a_version_that_the_deal_never_had() {
    let mut scene = Scene::set_in_postgres_alone().await;
    scene.breaks("UPDATE signups SET rev = 1000 WHERE deal = :tipped AND units = 2").await;
    scene.assert_found("I7", scene.tipped).await;
}

#[tokio::test]
async fn i8_finds_a_unit_without_a_coupon() {
    let mut scene = Scene::set_in_postgres_alone().await;
    scene.breaks("DELETE FROM coupons WHERE deal = :tipped AND ordinal = 2").await;
    scene.assert_found("I8", scene.tipped).await;
}

#[tokio::test]
async fn i8_finds_a_signup_that_waits_too_long_for_its_coupons() {
    let scene = Scene::set().await;
    scene.app.join(&scene.app.buyer("Eve").await, scene.tipped, 1, "k").await;
    scene.app.assert_clean().await;
    scene.app.clock.advance(Duration::from_secs(61)).await;
    scene.assert_found("I8", scene.tipped).await;
    scene.app.settle_now().await;
    scene.assert_nothing_found().await;
}

#[tokio::test]
async fn i9_finds_a_coupon_beyond_the_units() {
    let mut scene = Scene::set_in_postgres_alone().await;
    scene.breaks("UPDATE coupons SET ordinal = 3 WHERE deal = :tipped AND ordinal = 2").await;
    scene.assert_found("I9", scene.tipped).await;
}

#[tokio::test]
async fn i9_finds_a_coupon_of_a_deal_that_never_tipped() {
    let mut scene = Scene::set_in_postgres_alone().await;
    scene.breaks(&coupons_of("s.deal = :open AND s.units = 2")).await;
    scene.assert_found("I9", scene.open).await;
}

#[tokio::test]
async fn i9_finds_a_coupon_of_somebody_who_left() {
    let mut scene = Scene::set_in_postgres_alone().await;
    scene.breaks(&coupons_of("s.deal = :tipped AND s.state = 'left'")).await;
    scene.assert_found("I9", scene.tipped).await;
}

fn coupons_of(signups: &str) -> String {
    format!(
        "INSERT INTO coupons (deal, signup, ordinal, id, buyer, key_id, form, issued_at)
         SELECT s.deal, s.id, 1, gen_random_uuid(), s.buyer, 1, 2, muster_now() FROM signups AS s WHERE {signups}"
    )
}
