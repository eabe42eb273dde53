//! A change of a deal is told to Redis while others change the deal, too.

use muster::domain::DealState;
use muster::quota::Keys;

use crate::support;
use crate::support::fault::until;
use crate::support::outcomes::joined;
use crate::support::people::wish;

/// Ann and Ben join between the commit that publishes the deal and the end of publishing. Of Ben nobody tells Redis: his node died.
/// Publishing must not tell it of his version without him: Redis could then refuse nobody.
#[tokio::test]
async fn publishing_tells_redis_its_own_version_and_not_that_of_a_join_after_it() {
    let app = support::app().nodes(2);
    // Publishing waits for a lock for as long as the rest takes.
    let app =
        app.with("postgres.lock_timeout_ms", "60000").with("postgres.statement_timeout_ms", "60000").start().await;
    let mo = app.merchant("Mo").await;
    let people = app.people("Pat", 2).await;
    let deal = app.deal(&mo).draft().await.id;
    // Publishing comes to its end when it may read the deal with its merchant's name.
    let accounts = app.home.lock_table("accounts").await;
    let (engine, merchant) = (app.nodes[0].engine.clone(), mo.shop());
    let publishing = tokio::spawn(async move { engine.publish(merchant, deal).await.unwrap() });
    until("it is published", async || app.progress(deal).await.state == DealState::Open).await;
    joined(app.nodes[1].join(&people[0], deal, 1, "a").await);
    app.home.nothing_is_held(deal).await;
    let mut dead_node = app.store.lane_connection();
    dead_node.commit_signups(&[wish(&people[1], deal, 1, "a")]).await.unwrap();
    accounts.unlock().await;
    publishing.await.unwrap();
    let known: (i64, i64) = redis::cmd("HMGET")
        .arg(Keys::new(&app.home.name).quota(deal))
        .arg(&["rev", "applied"])
        .query_async(&mut app.home.redis().await)
        .await
        .unwrap();
    assert_eq!(known, (3, 3), "every change up to the figures is known");
}
