//! A change is applied to Redis while other requests change the deal.

use muster::domain::DealState;
use muster::quota::Keys;

use crate::support;
use crate::support::fault::wait_until;
use crate::support::outcomes::joined;
use crate::support::people::join_request;

/// Two buyers join after the deal is published and before publishing returns. The second one's node dies before it
/// updates Redis. Publishing must not announce that version without its buyer, because Redis could then refuse nobody.
#[tokio::test]
async fn publishing_applies_its_own_version_and_not_a_later_joins() {
    let app = support::app().nodes(2);
    // Publishing waits for a lock until the test releases it.
    let app =
        app.with("postgres.lock_timeout_ms", "60000").with("postgres.statement_timeout_ms", "60000").start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 2).await;
    let deal = app.deal(&mo).draft().await.id;
    // Publishing returns after it has read the deal with its merchant's name.
    let merchants = app.backend.lock_table("merchants").await;
    let (engine, merchant) = (app.nodes[0].engine.clone(), mo.merchant_id());
    let publishing = tokio::spawn(async move { engine.publish(merchant, deal).await.unwrap() });
    wait_until("the deal is published", async || app.progress(deal).await.state == DealState::Open).await;
    joined(app.nodes[1].engine_join(&people[0], deal, 1, "a").await);
    app.backend.wait_until_nothing_is_held(deal).await;
    let mut dead_node = app.store.lane_connection();
    dead_node.commit_signups(&[join_request(&people[1], deal, 1, "a")]).await.unwrap();
    assert!(!publishing.is_finished(), "publishing waits for the lock");
    merchants.unlock().await;
    publishing.await.unwrap();
    let in_redis: (i64, i64) = redis::cmd("HMGET")
        .arg(Keys::new(&app.backend.name).quota(deal))
        .arg(&["rev", "applied"])
        .query_async(&mut app.backend.redis().await)
        .await
        .unwrap();
    assert_eq!(in_redis, (3, 3), "Redis has the first join, which is rev 3, and not the second");
}
