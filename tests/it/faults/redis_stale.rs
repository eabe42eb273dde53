//! Redis restarted from an older copy, promoted from a lagging replica, and two primaries in use concurrently.

use muster::quota::Keys;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;

use super::crowd::{Crowd, wait_until_redis_agrees};
use crate::support::fault::wait_until;
use crate::support::proxy::FaultProxy;
use crate::support::{self, TestApp};

const CAP: u32 = 150;
const PEOPLE: usize = 260;

async fn deal(app: &TestApp) -> muster::domain::DealId {
    let mo = app.merchant("Mo").await;
    app.deal(&mo).tipping_point(10).cap(i64::from(CAP)).publish().await.id
}

async fn connect(url: &str) -> MultiplexedConnection {
    redis::Client::open(url).unwrap().get_multiplexed_async_connection().await.unwrap()
}

#[tokio::test]
async fn restoring_redis_from_older_copies_under_load_sells_exactly_the_cap() {
    let mut app = support::app().with_private_servers().nodes(2).with_workers().start().await;
    let deal = deal(&app).await;
    let crowd = Crowd::start(&app, deal, PEOPLE).await;
    crowd.wait_until_sold(&app, 20).await;
    let old = app.servers().redis().unwrap().copy_data().unwrap();
    for sold in [60, 110] {
        crowd.wait_until_sold(&app, sold).await;
        app.servers().redis().unwrap().restart_from(&old).await.unwrap();
    }
    crowd.assert_sold_exactly(&app, CAP).await;
    wait_until_redis_agrees(&app, deal, "an older copy").await;
    app.settle_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn promoting_a_lagging_replica_under_load_sells_exactly_the_cap() {
    let mut app = support::app().with_private_servers().nodes(2).with_proxies().with_workers().start().await;
    let deal = deal(&app).await;
    let (_replica, url) = app.servers().another_redis("replica").await.unwrap();
    let mut replica = connect(&url).await;
    let link = FaultProxy::to_redis(&app.backend);
    let mut primary = app.backend.redis().await;
    let () =
        redis::cmd("CONFIG").arg(&["SET", "repl-diskless-sync-delay", "0"]).query_async(&mut primary).await.unwrap();
    let port = link.listen_on_loopback().await.to_string();
    let () = redis::cmd("REPLICAOF").arg(&["127.0.0.1", &port]).query_async(&mut replica).await.unwrap();

    let crowd = Crowd::start(&app, deal, PEOPLE).await;
    crowd.wait_until_sold(&app, 20).await;
    let quota = Keys::new(&app.backend.name).quota(deal);
    wait_until("the replica has received some units", async || {
        replica.clone().hget::<_, _, Option<u32>>(&quota, "units").await.is_ok_and(|units| units >= Some(10))
    })
    .await;
    link.cut();
    crowd.wait_until_sold(&app, 60).await;
    let behind: u32 = replica.hget(&quota, "units").await.unwrap();
    assert!(behind < app.counts(deal).await.1, "the replica must lag: it has {behind} units");

    // The address leads to the replica before its promotion, so it is read-only and admits nobody.
    app.servers().redis().unwrap().kill().await;
    for proxies in &app.proxies {
        proxies.redis.redirect_to_redis(&url);
    }
    crowd.wait_until_sold(&app, 80).await;
    let () = redis::cmd("REPLICAOF").arg(&["NO", "ONE"]).query_async(&mut replica).await.unwrap();
    crowd.assert_sold_exactly(&app, CAP).await;
    for node in &app.nodes {
        wait_until("the promoted replica admits", async || node.engine.admits()).await;
    }
    app.reconcile_now().await;
    let units: Option<u32> = replica.hget(&quota, "units").await.unwrap();
    assert!(units.is_none_or(|units| units == CAP), "{units:?}");
    app.settle_now().await;
    app.assert_clean().await;
}

/// Each node uses another Redis as its primary, so together they admit twice the cap.
#[tokio::test]
async fn two_concurrent_redis_primaries_sell_exactly_the_cap() {
    let mut app = support::app().with_private_servers().nodes(2).with_proxies().with_workers().start().await;
    let deal = deal(&app).await;
    let (_other, url) = app.servers().another_redis("other").await.unwrap();
    app.proxies[1].redis.redirect_to_redis(&url);
    wait_until("both admit", async || app.nodes.iter().all(|node| node.engine.admits())).await;
    let crowd = Crowd::start(&app, deal, PEOPLE).await;
    crowd.assert_sold_exactly(&app, CAP).await;
    let quota = Keys::new(&app.backend.name).quota(deal);
    assert!(connect(&url).await.exists::<_, bool>(&quota).await.unwrap(), "both primaries were used");

    app.proxies[1].redis.redirect_to_redis(&app.backend.redis_url);
    wait_until("the second node admits again", async || app.nodes[1].engine.admits()).await;
    wait_until_redis_agrees(&app, deal, "two primaries").await;
    app.settle_now().await;
    app.assert_clean().await;
}
