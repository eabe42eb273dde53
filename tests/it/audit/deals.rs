//! What must hold of a deal's row and of what is told about it.

use std::time::Duration;

use super::scene::Scene;

#[tokio::test]
async fn i1_finds_a_deal_that_sold_more_than_its_cap() {
    let mut scene = Scene::set_in_postgres_alone().await;
    scene.breaks("ALTER TABLE deals DROP CONSTRAINT deals_never_oversold").await;
    scene.breaks("UPDATE deals SET cap = units - 1, per_buyer_max = units - 1 WHERE id = :tipped").await;
    scene.assert_found("I1", scene.tipped).await;
}

#[tokio::test]
async fn i2_finds_units_that_no_signup_has() {
    let mut scene = Scene::set_in_postgres_alone().await;
    scene.breaks("UPDATE deals SET units = units + 1 WHERE id = :tipped").await;
    scene.assert_found("I2", scene.tipped).await;
}

#[tokio::test]
async fn i2_finds_a_buyer_that_no_signup_is_of() {
    let mut scene = Scene::set_in_postgres_alone().await;
    scene.breaks("UPDATE deals SET buyers = buyers + 1 WHERE id = :tipped").await;
    scene.assert_found("I2", scene.tipped).await;
}

#[tokio::test]
async fn i5_finds_an_open_deal_that_should_have_tipped() {
    let mut scene = Scene::set_in_postgres_alone().await;
    scene.breaks("ALTER TABLE deals DROP CONSTRAINT deals_open_is_below_tipping_point").await;
    scene.breaks("UPDATE deals SET tipping_point = buyers WHERE id = :open").await;
    scene.assert_found("I5", scene.open).await;
}

#[tokio::test]
async fn i6_finds_a_failed_deal_that_tipped() {
    let mut scene = Scene::set_in_postgres_alone().await;
    scene.breaks("ALTER TABLE deals DISABLE TRIGGER deals_check").await;
    scene.breaks("UPDATE deals SET tipped_at = ended_at WHERE id = :failed").await;
    let event = "INSERT INTO outbox (key, kind, deal, delivered_at) VALUES ('t', 'deal_tipped', :failed, muster_now())";
    scene.breaks(event).await;
    scene.assert_found("I6", scene.failed).await;
}

#[tokio::test]
async fn i6_finds_a_tipped_deal_without_its_time() {
    let mut scene = Scene::set_in_postgres_alone().await;
    scene.breaks("ALTER TABLE deals DISABLE TRIGGER deals_check").await;
    scene.breaks("UPDATE deals SET state = 'tipped', ended_at = NULL WHERE id = :failed").await;
    scene.breaks("UPDATE deals SET closes_at = muster_now() + interval '1 hour' WHERE id = :failed").await;
    scene.assert_found("I6", scene.failed).await;
}

#[tokio::test]
async fn i10_finds_a_tip_that_nobody_was_told_of() {
    let mut scene = Scene::set_in_postgres_alone().await;
    scene.breaks("DELETE FROM outbox WHERE kind = 'deal_tipped' AND account IS NULL AND deal = :tipped").await;
    scene.assert_found("I10", scene.tipped).await;
}

#[tokio::test]
async fn i10_finds_a_tip_that_was_told_twice() {
    let mut scene = Scene::set_in_postgres_alone().await;
    let event = "INSERT INTO outbox (key, kind, deal, delivered_at) VALUES ('t', 'deal_tipped', :tipped, muster_now())";
    scene.breaks(event).await;
    scene.assert_found("I10", scene.tipped).await;
}

#[tokio::test]
async fn i11_finds_a_message_that_nobody_delivers() {
    let mut scene = Scene::set_in_postgres_alone().await;
    let message = "INSERT INTO outbox (key, kind, deal, account, next_at)
                   SELECT 'm', 'deal_tipped', id, merchant, muster_now() - interval '11 minutes' FROM deals WHERE id = :tipped";
    scene.breaks(message).await;
    scene.assert_found("I11", scene.tipped).await;
    scene.breaks("UPDATE outbox SET parked_at = muster_now() WHERE key = 'm'").await;
    scene.assert_nothing_found().await;
}

#[tokio::test]
async fn i12_finds_a_deal_that_nobody_ended() {
    let scene = Scene::set_in_postgres_alone().await;
    scene.app.clock.advance(Duration::from_hours(24)).await;
    scene.assert_nothing_found().await;
    scene.app.clock.advance(Duration::from_mins(1)).await;
    scene.assert_found("I12", scene.open).await;
    scene.app.close_now().await;
    scene.assert_nothing_found().await;
}

#[tokio::test]
async fn i13_finds_an_open_deal_that_cannot_tip_any_more() {
    let mut scene = Scene::set_in_postgres_alone().await;
    scene.breaks("ALTER TABLE deals DROP CONSTRAINT deals_open_can_still_tip").await;
    scene.breaks("UPDATE deals SET cap = 5 WHERE id = :open").await;
    scene.assert_found("I13", scene.open).await;
}
