//! A change is told to Redis while others change the same deal.

use muster::domain::DealState;
use muster::quota::Keys;

use crate::support;
use crate::support::fault::wait_until;
use crate::support::outcomes::joined;
use crate::support::people::join_request;

/// Ann and Ben join after the deal is published and before publishing returns. Ben's node dies before it tells Redis.
/// Publishing must not announce Ben's version without Ben, because Redis could then refuse nobody.
#[tokio::test]
async fn publishing_applies_its_own_version_and_not_a_later_joins() {
    let app = support::app().nodes(2);
    // Publishing waits for a lock until the test releases it.
    let app =
        app.with("postgres.lock_timeout_ms", "60000").with("postgres.statement_timeout_ms", "60000").start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 2).await;
    let deal = app.deal(&mo).draft().await.id;
    // Publishing returns once it can read the deal with its merchant's name.
    let accounts = app.backend.lock_table("accounts").await;
    let (engine, merchant) = (app.nodes[0].engine.clone(), mo.merchant_id());
    let publishing = tokio::spawn(async move { engine.publish(merchant, deal).await.unwrap() });
    wait_until("it is published", async || app.progress(deal).await.state == DealState::Open).await;
    joined(app.nodes[1].engine_join(&people[0], deal, 1, "a").await);
    app.backend.wait_until_nothing_is_held(deal).await;
    let mut dead_node = app.store.lane_connection();
    dead_node.commit_signups(&[join_request(&people[1], deal, 1, "a")]).await.unwrap();
    accounts.unlock().await;
    publishing.await.unwrap();
    let known: (i64, i64) = redis::cmd("HMGET")
        .arg(Keys::new(&app.backend.name).quota(deal))
        .arg(&["rev", "applied"])
        .query_async(&mut app.backend.redis().await)
        .await
        .unwrap();
    assert_eq!(known, (3, 3), "every change up to the rev is applied");
}
