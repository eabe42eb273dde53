//! Redis from an older copy, promoted from a lagging replica, and two of them at once.

use muster::quota::Keys;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;

use super::crowd::{Crowd, is_right_again};
use crate::support::fault::until;
use crate::support::proxy::Wire;
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
async fn restoring_redis_from_old_copies_under_load_oversells_nothing() {
    let mut app = support::app().with_private_servers().nodes(2).with_workers().start().await;
    let deal = deal(&app).await;
    let crowd = Crowd::sets_out(&app, deal, PEOPLE).await;
    crowd.has_bought(&app, 20).await;
    let old = app.servers().redis().unwrap().copy_data().unwrap();
    for sold in [60, 110] {
        crowd.has_bought(&app, sold).await;
        app.servers().redis().unwrap().restart_from(&old).await.unwrap();
    }
    crowd.got_what_there_was(&app, CAP).await;
    is_right_again(&app, deal, "an older copy").await;
    app.settle_now().await;
    app.assert_clean().await;
}

#[tokio::test]
async fn a_lagging_replica_that_is_promoted_under_load_sells_exactly_what_there_is() {
    let mut app = support::app().with_private_servers().nodes(2).wired().with_workers().start().await;
    let deal = deal(&app).await;
    let (_replica, url) = app.servers().another_redis("replica").await.unwrap();
    let mut replica = connect(&url).await;
    let link = Wire::to_redis(&app.home);
    let mut primary = app.home.redis().await;
    let () =
        redis::cmd("CONFIG").arg(&["SET", "repl-diskless-sync-delay", "0"]).query_async(&mut primary).await.unwrap();
    let port = link.listen_on_loopback().await.to_string();
    let () = redis::cmd("REPLICAOF").arg(&["127.0.0.1", &port]).query_async(&mut replica).await.unwrap();

    let crowd = Crowd::sets_out(&app, deal, PEOPLE).await;
    crowd.has_bought(&app, 20).await;
    let quota = Keys::new(&app.home.name).quota(deal);
    until("the replica has heard of some", async || {
        replica.clone().hget::<_, _, Option<u32>>(&quota, "units").await.is_ok_and(|units| units >= Some(10))
    })
    .await;
    link.cut();
    crowd.has_bought(&app, 60).await;
    let behind: u32 = replica.hget(&quota, "units").await.unwrap();
    assert!(behind < app.counts(deal).await.1, "{behind} is behind");

    // The address leads to the replica before it is promoted: it takes no writes, and nobody is admitted there.
    app.servers().redis().unwrap().kill().await;
    for wires in &app.wires {
        wires.redis.lead_to_redis(&url);
    }
    crowd.has_bought(&app, 80).await;
    let () = redis::cmd("REPLICAOF").arg(&["NO", "ONE"]).query_async(&mut replica).await.unwrap();
    crowd.got_what_there_was(&app, CAP).await;
    for node in &app.nodes {
        until("the promoted one admits", async || node.engine.admits()).await;
    }
    app.reconcile_now().await;
    let units: Option<u32> = replica.hget(&quota, "units").await.unwrap();
    assert!(units.is_none_or(|units| units == CAP), "{units:?}");
    app.settle_now().await;
    app.assert_clean().await;
}

/// Each node believes another Redis to be the primary, and Redis admits twice as many as there is room for.
#[tokio::test]
async fn two_redis_primaries_at_once_oversell_nothing() {
    let mut app = support::app().with_private_servers().nodes(2).wired().with_workers().start().await;
    let deal = deal(&app).await;
    let (_other, url) = app.servers().another_redis("other").await.unwrap();
    app.wires[1].redis.lead_to_redis(&url);
    until("both admit", async || app.nodes.iter().all(|node| node.engine.admits())).await;
    let crowd = Crowd::sets_out(&app, deal, PEOPLE).await;
    crowd.got_what_there_was(&app, CAP).await;
    let quota = Keys::new(&app.home.name).quota(deal);
    assert!(connect(&url).await.exists::<_, bool>(&quota).await.unwrap(), "the other one was asked, too");

    app.wires[1].redis.lead_to_redis(&app.home.redis_url);
    until("the second node has noticed", async || app.nodes[1].engine.admits()).await;
    is_right_again(&app, deal, "two at once").await;
    app.settle_now().await;
    app.assert_clean().await;
}
