//! Rate limits tell clients when to retry, with Redis and without it.

use muster::domain::DealId;
use serde_json::json;

use super::{read, send};
use crate::support::{self, fault::wait_until};

#[tokio::test]
async fn a_rate_limit_applies_only_to_the_account_that_exceeds_it() {
    let app = support::app()
        .with("limits.joins_per_account.count", "4")
        .with("limits.joins_per_account.period_s", "60")
        .start()
        .await;
    let (mo, ann, bob) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
    let deal = app.deal(&mo).publish().await;
    for _ in 0..4 {
        assert_eq!(ann.post_join(deal.id, 1, "a").await.status(), 201);
    }
    let refused = read(ann.post_join(deal.id, 1, "a").await).await;
    assert_eq!((refused.status, refused.code()), (429, "too_many_requests"));
    assert!((1..=15).contains(&refused.header("retry-after").parse::<u32>().unwrap()));
    assert_eq!(bob.post_join(deal.id, 1, "a").await.status(), 201);
    assert_eq!(send(ann.get("/api/v1/signups")).await.status, 200, "reading does not count as joining");
}

#[tokio::test]
async fn nodes_share_rate_limits_through_redis() {
    let app = support::app()
        .nodes(2)
        .with("limits.requests_per_address.count", "20")
        .with("limits.requests_per_address.period_s", "3600")
        .start()
        .await;
    let mut allowed = 0;
    for n in 0..60 {
        allowed += u32::from(send(app.nodes[n % 2].get("/api/v1/deals")).await.status == 200);
    }
    assert!((20..=30).contains(&allowed), "{allowed} of 20 with two nodes, each of which allows half on its own");
}

#[tokio::test]
async fn a_429_keeps_the_connection_open_unless_the_body_is_large() {
    let app = support::app()
        .with("limits.requests_per_address.count", "1")
        .with("limits.requests_per_address.period_s", "3600")
        .start()
        .await;
    let ann = app.buyer("Ann").await;
    assert_eq!(send(app.get("/api/v1/deals")).await.status, 200);
    let refused = read(ann.post_join(DealId::generate(), 1, "a").await).await;
    assert_eq!((refused.status, refused.header("connection")), (429, ""));
    let too_large = ann.post("/api/v1/redemptions").body("x".repeat(200_000));
    let refused = send(too_large).await;
    assert_eq!((refused.status, refused.header("connection")), (429, "close"), "the body is too large to be drained");
}

#[tokio::test]
async fn without_redis_each_node_enforces_the_limit_alone() {
    let mut app = support::app()
        .with_private_servers()
        .with("limits.requests_per_address.count", "10")
        .with("limits.requests_per_address.period_s", "3600")
        .start()
        .await;
    app.servers().redis().unwrap().kill().await;
    let mut allowed = 0;
    for _ in 0..30 {
        allowed += u32::from(send(app.get("/api/v1/deals")).await.status == 200);
    }
    assert_eq!(allowed, 10);
}

#[tokio::test]
async fn password_guessing_does_not_lock_the_account_for_other_networks() {
    let app = support::app()
        .with("server.trusted_proxies", "127.0.0.1")
        .with("limits.logins_per_account.count", "3")
        .with("limits.logins_per_account.period_s", "600")
        .start()
        .await;
    let new = json!({"email": "ann@example.com", "password": "correct horse", "name": "Ann", "role": "buyer"});
    assert_eq!(send(app.client.post(app.url("/api/v1/accounts")).json(&new)).await.status, 201);
    let sign_in = |password: &str, from: &str| {
        let body = json!({"email": "ann@example.com", "password": password, "label": "x"});
        send(app.client.post(app.url("/api/v1/tokens")).header("X-Forwarded-For", from).json(&body))
    };
    for _ in 0..3 {
        assert_eq!(sign_in("guess guess", "198.51.100.1").await.code(), "wrong_password");
    }
    assert_eq!(
        sign_in("correct horse", "198.51.100.2").await.code(),
        "too_many_requests",
        "the network has used up its attempts"
    );
    assert_eq!(
        sign_in("correct horse", "203.0.113.9").await.status,
        201,
        "a client in another network is not locked out"
    );
}

#[tokio::test]
async fn a_full_lane_refuses_unknown_tokens_without_a_lookup() {
    let app = support::app().with("lanes.batch_max", "1").with("lanes.queue_max", "1").start().await;
    let (mo, ann, mut stranger) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
    let deal = app.deal(&mo).publish().await.id;
    "mst_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".clone_into(&mut stranger.token);
    let lock = app.backend.lock_deal(deal).await;
    let others = async {
        wait_until("a batch is being recorded", async || app.backend.waiting_for_locks().await == 1).await;
        let busy = read(stranger.post_join(deal, 1, "a").await).await;
        assert_eq!((busy.status, busy.code(), busy.header("connection")), (503, "busy", ""));
        assert_eq!(send(stranger.get("/api/v1/signups")).await.code(), "bad_token", "the full lane affects only joins");
        lock.unlock().await;
    };
    let (first, ()) = tokio::join!(ann.post_join(deal, 1, "a"), others);
    assert_eq!(first.status(), 201);
    app.backend.wait_until_nothing_is_held(deal).await;
    assert_eq!(read(stranger.post_join(deal, 1, "a").await).await.code(), "bad_token");
}

#[tokio::test]
async fn token_lookups_of_joins_are_limited_by_the_lanes_slots() {
    let app = support::app().with("lanes.batch_max", "1").with("lanes.queue_max", "1").start().await;
    let (mo, ann, bob) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
    let deal = app.deal(&mo).publish().await.id;
    let lock = app.backend.lock_table("tokens").await;
    let others = async {
        wait_until("Ann's token is being looked up", async || app.backend.waiting_for_locks().await == 1).await;
        let busy = read(bob.post_join(deal, 1, "a").await).await;
        assert_eq!((busy.status, busy.code(), busy.header("connection")), (503, "busy", ""));
        lock.unlock().await;
    };
    let (first, ()) = tokio::join!(ann.post_join(deal, 1, "a"), others);
    assert_eq!(first.status(), 201, "the lookup frees its slot for the join");
    assert_eq!(bob.post_join(deal, 1, "a").await.status(), 201);
}

#[tokio::test]
async fn a_503_does_not_count_against_rate_limits() {
    let app = support::app()
        .with("limits.joins_per_account_and_deal.count", "1")
        .with("limits.joins_per_account_and_deal.period_s", "3600")
        .with("lanes.batch_max", "1")
        .with("lanes.queue_max", "1")
        .start()
        .await;
    let (mo, ann, bob) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
    let deal = app.deal(&mo).publish().await.id;
    let lock = app.backend.lock_deal(deal).await;
    let others = async {
        wait_until("a batch is being recorded", async || app.backend.waiting_for_locks().await == 1).await;
        for _ in 0..3 {
            let busy = read(bob.post_join(deal, 1, "a").await).await;
            assert_eq!((busy.status, busy.code(), busy.header("retry-after")), (503, "busy", "1"));
            assert_eq!(busy.header("connection"), "", "the connection stays open, because a new one would cost more");
        }
        lock.unlock().await;
    };
    let (first, ()) = tokio::join!(ann.post_join(deal, 1, "a"), others);
    assert_eq!(first.status(), 201);
    app.backend.wait_until_nothing_is_held(deal).await;
    assert_eq!(bob.post_join(deal, 1, "a").await.status(), 201);
    assert_eq!(read(bob.post_join(deal, 1, "b").await).await.status, 429, "an accepted join is counted");
}
