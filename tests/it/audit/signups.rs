//! Invariants of signups, of their per-buyer counters, and of their coupons.

use std::time::Duration;

use super::fixture::Fixture;

#[tokio::test]
async fn i3_finds_a_buyer_over_the_limit() {
    let mut fixture = Fixture::without_redis_data().await;
    fixture.corrupt("UPDATE deals SET per_buyer_max = 1 WHERE id = :tipped").await;
    fixture.assert_found("I3", fixture.tipped).await;
}

#[tokio::test]
async fn i4_finds_a_wrong_per_buyer_counter() {
    let mut fixture = Fixture::without_redis_data().await;
    fixture.corrupt("UPDATE signups SET held = 3 WHERE deal = :tipped AND units = 2").await;
    fixture.assert_found("I4", fixture.tipped).await;
}

#[tokio::test]
async fn i4_finds_a_buyer_who_left_but_still_holds_units() {
    let mut fixture = Fixture::without_redis_data().await;
    fixture.corrupt("UPDATE signups SET held = 1 WHERE deal = :open AND state = 'left'").await;
    fixture.assert_found("I4", fixture.open).await;
}

#[tokio::test]
async fn i7_finds_a_signup_made_after_the_deal_ended() {
    let mut fixture = Fixture::without_redis_data().await;
    fixture.corrupt("UPDATE signups SET joined_at = ended_at + interval '1 second' FROM deals WHERE deal = :failed AND deals.id = deal").await;
    fixture.assert_found("I7", fixture.failed).await;
}

#[tokio::test]
async fn i7_finds_a_signup_made_after_the_deadline() {
    let mut fixture = Fixture::without_redis_data().await;
    fixture
        .corrupt("UPDATE signups SET joined_at = closes_at FROM deals WHERE deal = :tipped AND deals.id = deal")
        .await;
    fixture.assert_found("I7", fixture.tipped).await;
}

#[tokio::test]
async fn i7_finds_a_signup_with_a_rev_above_the_deals() {
    let mut fixture = Fixture::without_redis_data().await;
    fixture.corrupt("UPDATE signups SET rev = 1000 WHERE deal = :tipped AND units = 2").await;
    fixture.assert_found("I7", fixture.tipped).await;
}

#[tokio::test]
async fn i8_finds_a_unit_without_a_coupon() {
    let mut fixture = Fixture::without_redis_data().await;
    fixture.corrupt("DELETE FROM coupons WHERE deal = :tipped AND ordinal = 2").await;
    fixture.assert_found("I8", fixture.tipped).await;
}

#[tokio::test]
async fn i8_finds_a_signup_that_waits_too_long_for_its_coupons() {
    let fixture = Fixture::new().await;
    fixture.app.engine_join(&fixture.app.buyer("Eve").await, fixture.tipped, 1, "k").await;
    fixture.app.assert_clean().await;
    fixture.app.clock.advance(Duration::from_secs(61)).await;
    fixture.assert_found("I8", fixture.tipped).await;
    fixture.app.settle_now().await;
    fixture.assert_nothing_found().await;
}

#[tokio::test]
async fn i9_finds_a_coupon_beyond_its_signups_units() {
    let mut fixture = Fixture::without_redis_data().await;
    fixture.corrupt("UPDATE coupons SET ordinal = 3 WHERE deal = :tipped AND ordinal = 2").await;
    fixture.assert_found("I9", fixture.tipped).await;
}

#[tokio::test]
async fn i9_finds_a_coupon_of_a_deal_that_never_tipped() {
    let mut fixture = Fixture::without_redis_data().await;
    fixture.corrupt(&coupons_of("s.deal = :open AND s.units = 2")).await;
    fixture.assert_found("I9", fixture.open).await;
}

#[tokio::test]
async fn i9_finds_a_coupon_of_a_signup_that_left() {
    let mut fixture = Fixture::without_redis_data().await;
    fixture.corrupt(&coupons_of("s.deal = :tipped AND s.state = 'left'")).await;
    fixture.assert_found("I9", fixture.tipped).await;
}

fn coupons_of(signups: &str) -> String {
    format!(
        "INSERT INTO coupons (deal, signup, ordinal, id, buyer, key_id, form, issued_at)
         SELECT s.deal, s.id, 1, gen_random_uuid(), s.buyer, 1, 2, muster_now() FROM signups AS s WHERE {signups}"
    )
}
