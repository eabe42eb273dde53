//! The live feed of whole nodes: a change on one is seen on another.

use muster::domain::{DealId, Progress};
use redis::AsyncCommands;
use reqwest::StatusCode;
use serde_json::json;

use super::feed::{Client, eventually, query};
use crate::support::app;
use crate::support::app::Node;

async fn watch(node: &Node, deal: DealId) -> Client {
    Client::connect(node.address, &format!("/api/v1/live?{}", query(&[deal])), None).await.expect("a socket")
}

#[tokio::test]
async fn joins_and_leaves_on_one_node_reach_watchers_of_another() {
    let app = app().nodes(2).start().await;
    let merchant = app.merchant("Mo").await;
    let deal = app.deal(&merchant).tipping_point(2).cap(10).publish().await;
    let (ann, bob) = (app.buyer("Ann").await, app.buyer("Bob").await);
    let mut watchers = [watch(&app.nodes[0], deal.id).await, watch(&app.nodes[1], deal.id).await];
    for watcher in &mut watchers {
        let frame = watcher.frame_where(|_| true).await;
        assert_eq!((&frame["buyers"], &frame["needed"], &frame["left"]), (&json!(0), &json!(2), &json!(10)));
    }

    let signup = ann.post_join(deal.id, 3, "ann").await;
    assert_eq!(signup.status(), StatusCode::CREATED);
    for watcher in &mut watchers {
        let frame = watcher.frame_where(|frame| frame["buyers"] == 1).await;
        assert_eq!((&frame["needed"], &frame["units"], &frame["left"]), (&json!(1), &json!(3), &json!(7)));
    }

    let signup = signup.json::<serde_json::Value>().await.unwrap()["id"].as_str().unwrap().to_owned();
    let left = ann.at(&app.nodes[1]).delete(&format!("/api/v1/signups/{signup}")).send().await.unwrap();
    assert_eq!(left.status(), StatusCode::NO_CONTENT);
    for watcher in &mut watchers {
        watcher.frame_where(|frame| frame["units"] == 0 && frame["needed"] == 2).await;
    }

    for (buyer, key) in [(&ann, "again"), (&bob, "bob")] {
        assert_eq!(buyer.post_join(deal.id, 1, key).await.status(), StatusCode::CREATED);
    }
    for watcher in &mut watchers {
        watcher.frame_where(|frame| frame["state"] == "tipped" && frame["needed"] == 0).await;
    }
}

#[tokio::test]
async fn messages_on_the_bus_reach_browsers() {
    let app = app().start().await;
    let merchant = app.merchant("Mo").await;
    let deal = app.deal(&merchant).publish().await;
    let mut watcher = watch(&app, deal.id).await;
    watcher.frame().await;
    let mut redis =
        redis::Client::open(app.backend.redis_url.as_str()).unwrap().get_multiplexed_async_connection().await.unwrap();
    // Postgres does not have this version, so it can only come over the bus.
    let message = serde_json::to_string(&Progress { rev: 1_000, buyers: 9, ..deal.progress }).unwrap();
    loop {
        let channels: Vec<String> =
            redis::cmd("PUBSUB").arg("CHANNELS").arg(format!("*{}*", deal.id)).query_async(&mut redis).await.unwrap();
        if let [channel] = channels.as_slice() {
            let _receivers: u32 = redis.publish(channel, &message).await.unwrap();
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(watcher.frame_where(|frame| frame["rev"] == 1_000).await["buyers"], 9);
}

#[tokio::test]
async fn without_redis_live_counts_are_still_correct() {
    let mut app = app().with_private_servers().start().await;
    let merchant = app.merchant("Mo").await;
    let deal = app.deal(&merchant).publish().await;
    app.servers().redis().unwrap().kill().await;
    let ann = app.buyer("Ann").await;
    let mut watcher = watch(&app, deal.id).await;
    assert_eq!(watcher.frame_where(|_| true).await["buyers"], 0);
    assert_eq!(ann.post_join(deal.id, 1, "ann").await.status(), StatusCode::CREATED);
    watcher.frame_where(|frame| frame["buyers"] == 1).await;
}

#[tokio::test]
async fn a_draft_sends_no_frames_until_it_is_published() {
    let app = app().start().await;
    let merchant = app.merchant("Mo").await;
    let draft = app.deal(&merchant).draft().await;
    let mut watcher = watch(&app, draft.id).await;
    let published = merchant.post(&format!("/api/v1/deals/{}/publish", draft.id)).send().await.unwrap();
    assert_eq!(published.status(), StatusCode::OK);
    assert_eq!(watcher.frame_where(|_| true).await["state"], "open");
}

#[tokio::test]
async fn a_stopping_node_closes_its_sockets_with_1012() {
    let mut app = app().start().await;
    let merchant = app.merchant("Mo").await;
    let deal = app.deal(&merchant).publish().await;
    let mut watcher = watch(&app, deal.id).await;
    let (stopped, code) = tokio::join!(app.nodes[0].stop(), watcher.close_code());
    assert_eq!((stopped, code), ((), Some(1012)));
}

#[tokio::test]
async fn a_refused_upgrade_is_a_problem_document() {
    let app = app().with("live.sockets_per_address_max", "1").start().await;
    let deal = DealId::generate();
    let too_many = std::iter::repeat_with(DealId::generate).take(33).collect::<Vec<_>>();
    let open = watch(&app, deal).await;
    eventually(|| app.live.sockets().count() == 1).await;
    for (query, origin, status, code) in [
        (query(&[deal]), Some("https://evil.example"), 403, "wrong_origin"),
        (query(&[]), None, 400, "bad_query"),
        ("deal=nonsense".to_owned(), None, 400, "bad_query"),
        (query(&too_many), None, 400, "bad_query"),
        (query(&[deal]), None, 429, "too_many_sockets"),
    ] {
        let answer = Client::connect(app.address, &format!("/api/v1/live?{query}"), origin).await.err().expect(code);
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (status, &"application/problem+json".parse().unwrap())
        );
        let problem = answer.body().as_deref().map(serde_json::from_slice::<serde_json::Value>).unwrap().unwrap();
        assert_eq!(problem["code"], code);
        assert_eq!(answer.headers().contains_key("retry-after"), status == 429);
    }
    drop(open);
}
