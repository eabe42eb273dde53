//! Invariants of a deal's row and of its outbox messages.

use std::time::Duration;

use super::fixture::Fixture;

#[tokio::test]
async fn i1_finds_a_deal_that_sold_more_than_its_cap() {
    let mut fixture = Fixture::without_redis_data().await;
    fixture.corrupt("ALTER TABLE deals DROP CONSTRAINT deals_never_oversold").await;
    fixture.corrupt("UPDATE deals SET cap = units - 1, per_buyer_max = units - 1 WHERE id = :tipped").await;
    fixture.assert_found("I1", fixture.tipped).await;
}

#[tokio::test]
async fn i2_finds_units_without_a_signup() {
    let mut fixture = Fixture::without_redis_data().await;
    fixture.corrupt("UPDATE deals SET units = units + 1 WHERE id = :tipped").await;
    fixture.assert_found("I2", fixture.tipped).await;
}

#[tokio::test]
async fn i2_finds_a_counted_buyer_without_a_signup() {
    let mut fixture = Fixture::without_redis_data().await;
    fixture.corrupt("UPDATE deals SET buyers = buyers + 1 WHERE id = :tipped").await;
    fixture.assert_found("I2", fixture.tipped).await;
}

#[tokio::test]
async fn i5_finds_an_open_deal_that_should_have_tipped() {
    let mut fixture = Fixture::without_redis_data().await;
    fixture.corrupt("ALTER TABLE deals DROP CONSTRAINT deals_open_is_below_tipping_point").await;
    fixture.corrupt("UPDATE deals SET tipping_point = buyers WHERE id = :open").await;
    fixture.assert_found("I5", fixture.open).await;
}

#[tokio::test]
async fn i6_finds_a_failed_deal_with_a_tip_time() {
    let mut fixture = Fixture::without_redis_data().await;
    fixture.corrupt("ALTER TABLE deals DISABLE TRIGGER deals_check").await;
    fixture.corrupt("UPDATE deals SET tipped_at = ended_at WHERE id = :failed").await;
    let event = "INSERT INTO outbox (key, kind, deal, delivered_at) VALUES ('t', 'deal_tipped', :failed, muster_now())";
    fixture.corrupt(event).await;
    fixture.assert_found("I6", fixture.failed).await;
}

#[tokio::test]
async fn i6_finds_a_tipped_deal_without_a_tip_time() {
    let mut fixture = Fixture::without_redis_data().await;
    fixture.corrupt("ALTER TABLE deals DISABLE TRIGGER deals_check").await;
    fixture.corrupt("UPDATE deals SET state = 'tipped', ended_at = NULL WHERE id = :failed").await;
    fixture.corrupt("UPDATE deals SET closes_at = muster_now() + interval '1 hour' WHERE id = :failed").await;
    fixture.assert_found("I6", fixture.failed).await;
}

#[tokio::test]
async fn i10_finds_a_tip_without_an_outbox_event() {
    let mut fixture = Fixture::without_redis_data().await;
    fixture.corrupt("DELETE FROM outbox WHERE kind = 'deal_tipped' AND account IS NULL AND deal = :tipped").await;
    fixture.assert_found("I10", fixture.tipped).await;
}

#[tokio::test]
async fn i10_finds_a_tip_with_two_outbox_events() {
    let mut fixture = Fixture::without_redis_data().await;
    let event = "INSERT INTO outbox (key, kind, deal, delivered_at) VALUES ('t', 'deal_tipped', :tipped, muster_now())";
    fixture.corrupt(event).await;
    fixture.assert_found("I10", fixture.tipped).await;
}

#[tokio::test]
async fn i11_finds_an_overdue_outbox_message() {
    let mut fixture = Fixture::without_redis_data().await;
    let message = "INSERT INTO outbox (key, kind, deal, account, next_at)
                   SELECT 'm', 'deal_tipped', id, merchant, muster_now() - interval '11 minutes' FROM deals WHERE id = :tipped";
    fixture.corrupt(message).await;
    fixture.assert_found("I11", fixture.tipped).await;
    fixture.corrupt("UPDATE outbox SET parked_at = muster_now() WHERE key = 'm'").await;
    fixture.assert_nothing_found().await;
}

#[tokio::test]
async fn i12_finds_a_deal_still_open_after_its_deadline() {
    let fixture = Fixture::without_redis_data().await;
    fixture.app.clock.advance(Duration::from_hours(24)).await;
    fixture.assert_nothing_found().await;
    fixture.app.clock.advance(Duration::from_mins(1)).await;
    fixture.assert_found("I12", fixture.open).await;
    fixture.app.close_now().await;
    fixture.assert_nothing_found().await;
}

#[tokio::test]
async fn i13_finds_an_open_deal_that_can_no_longer_tip() {
    let mut fixture = Fixture::without_redis_data().await;
    fixture.corrupt("ALTER TABLE deals DROP CONSTRAINT deals_open_can_still_tip").await;
    fixture.corrupt("UPDATE deals SET cap = 5 WHERE id = :open").await;
    fixture.assert_found("I13", fixture.open).await;
}
