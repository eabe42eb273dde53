//! Joining and leaving over HTTP: the response for each outcome.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use sqlx::{Connection, Executor};

use super::{Answer, read, send};
use crate::support::{self, Person, TestApp};

/// Joins, and retries while holds of other joins block the last units.
async fn join_with_retries(person: &Person, deal: muster::domain::DealId, units: u32, key: &str) -> Answer {
    loop {
        let answer = read(person.post_join(deal, units, key).await).await;
        if answer.code() != "places_held" {
            return answer;
        }
        assert!(!answer.header("retry-after").is_empty());
    }
}

async fn count(app: &TestApp, query: &str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(query.to_owned())).fetch_one(&mut app.backend.connect().await).await.unwrap()
}

#[tokio::test]
async fn a_join_returns_the_signup_and_the_deals_progress() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).cap(50).publish().await;
    let joined = join_with_retries(&ann, deal.id, 2, "a").await;
    assert_eq!(joined.status, 201);
    let id = joined.body["id"].as_str().unwrap();
    assert_eq!(joined.header("location"), format!("/api/v1/signups/{id}"));
    assert_eq!(joined.header("idempotency-replayed"), "");
    let mut fields: Vec<_> = joined.body.as_object().unwrap().keys().map(String::as_str).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["deal", "id", "number", "progress", "state", "units"]);
    assert_eq!(
        (&joined.body["units"], &joined.body["number"], &joined.body["state"]),
        (&json!(2), &json!(1), &json!("active"))
    );
    assert_eq!((&joined.body["progress"]["needed"], &joined.body["progress"]["left"]), (&json!(9), &json!(48)));

    let shown = send(ann.get(&format!("/api/v1/signups/{id}"))).await;
    assert_eq!((shown.status, &shown.body["number"]), (200, &json!(1)));
}

#[tokio::test]
async fn fifty_concurrent_joins_with_one_key_make_one_signup() {
    let app = support::app().nodes(2).start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).publish().await;
    let ann_at_second_node = ann.at(&app.nodes[1]);
    let tries =
        (0..50).map(|n| join_with_retries(if n % 2 == 0 { &ann } else { &ann_at_second_node }, deal.id, 1, "the-same"));
    let answers = futures_util::future::join_all(tries).await;
    for answer in &answers {
        assert_eq!(answer.status, 201, "{}", answer.body);
    }
    let signups: BTreeSet<_> = answers
        .iter()
        .map(|answer| {
            (answer.body["id"].to_string(), answer.body["units"].to_string(), answer.body["number"].to_string())
        })
        .collect();
    assert_eq!(signups.len(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.header("idempotency-replayed") == "true").count(), 49);
    assert_eq!(count(&app, "SELECT count(*) FROM signups").await, 1);
}

#[tokio::test]
async fn a_join_needs_a_key_that_no_other_request_has_used() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).publish().await;
    let path = format!("/api/v1/deals/{}/signups", deal.id);
    let missing = send(ann.post(&path).json(&json!({"units": 1}))).await;
    assert_eq!((missing.status, missing.code()), (400, "key_missing"));
    for key in ["", "two words", "ключ", &"x".repeat(256)] {
        let answer = send(ann.post(&path).header("Idempotency-Key", key).json(&json!({"units": 1}))).await;
        assert_eq!((answer.status, answer.code()), (400, "key_missing"), "{key:?}");
    }
    assert_eq!(join_with_retries(&ann, deal.id, 1, "a").await.status, 201);
    let reused = join_with_retries(&ann, deal.id, 2, "a").await;
    assert_eq!((reused.status, reused.code()), (422, "key_reused"));
}

#[tokio::test]
async fn refusals_name_the_reason_and_the_units_available() {
    let app = support::app().start().await;
    let (mo, ann, bob) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
    let deal = app.deal(&mo).tipping_point(1).cap(5).per_buyer_max(3).publish().await;
    let over = join_with_retries(&ann, deal.id, 4, "a").await;
    assert!(matches!(over.code(), "buyer_limit"), "{}", over.body);
    assert_eq!((over.status, &over.body["max"]), (409, &json!(3)));
    assert_eq!(join_with_retries(&ann, deal.id, 3, "b").await.status, 201);
    let short = join_with_retries(&bob, deal.id, 3, "c").await;
    assert_eq!((short.status, short.code(), &short.body["available"]), (409, "not_enough_left", &json!(2)));
    assert_eq!(join_with_retries(&bob, deal.id, 2, "d").await.status, 201);
    let late = join_with_retries(&app.buyer("Cy").await, deal.id, 1, "e").await;
    assert_eq!((late.status, late.code()), (409, "sold_out"));
    assert_eq!(join_with_retries(&ann, muster::domain::DealId::generate(), 1, "f").await.code(), "no_such_deal");
}

#[tokio::test]
async fn joins_outside_the_window_are_refused() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).opens_in(Duration::from_hours(1)).publish().await;
    let early = join_with_retries(&ann, deal.id, 1, "a").await;
    assert_eq!((early.status, early.code()), (409, "not_open"));
    app.clock.advance(Duration::from_hours(2)).await;
    assert_eq!(join_with_retries(&ann, deal.id, 1, "a").await.status, 201, "a refusal is not remembered");
    app.clock.advance(Duration::from_hours(24)).await;
    let late = join_with_retries(&app.buyer("Bob").await, deal.id, 1, "a").await;
    assert_eq!((late.status, late.code()), (409, "closed"));
}

#[tokio::test]
async fn leaving_is_idempotent_and_rejoining_needs_a_new_key() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).publish().await;
    let joined = join_with_retries(&ann, deal.id, 1, "a").await;
    let path = format!("/api/v1/signups/{}", joined.body["id"].as_str().unwrap());
    for _ in 0..2 {
        assert_eq!(send(ann.delete(&path)).await.status, 204);
    }
    let replay = join_with_retries(&ann, deal.id, 1, "a").await;
    assert_eq!(
        (replay.status, &replay.body["state"], replay.header("idempotency-replayed")),
        (201, &json!("left"), "true")
    );
    assert_eq!(replay.body["progress"]["buyers"], 0);
    let again = join_with_retries(&ann, deal.id, 1, "b").await;
    assert_eq!((again.status, &again.body["progress"]["buyers"]), (201, &json!(1)));
}

#[tokio::test]
async fn a_tipped_deal_cannot_be_left() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).tipping_point(1).publish().await;
    let joined = join_with_retries(&ann, deal.id, 1, "a").await;
    assert_eq!(joined.body["progress"]["state"], "tipped");
    let path = format!("/api/v1/signups/{}", joined.body["id"].as_str().unwrap());
    let refused = send(ann.delete(&path)).await;
    assert_eq!((refused.status, refused.code()), (409, "already_tipped"));
}

#[tokio::test]
async fn a_slow_join_is_pending_until_it_is_recorded() {
    let app = support::app().with("lanes.queue_wait_max_ms", "100").with("lanes.reply_after_ms", "200").start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).publish().await;
    let mut blocker = app.backend.connect().await;
    let mut held = blocker.begin().await.unwrap();
    held.execute(sqlx::AssertSqlSafe(format!("SELECT 1 FROM deals WHERE id = '{}' FOR UPDATE", deal.id)))
        .await
        .unwrap();

    let pending = join_with_retries(&ann, deal.id, 1, "a").await;
    assert_eq!((pending.status, &pending.body["state"]), (202, &json!("pending")));
    assert!(!pending.header("retry-after").is_empty());
    let path = pending.header("location").to_owned();
    assert_eq!(path, format!("/api/v1/signups/{}", pending.body["id"].as_str().unwrap()));
    let polled = send(ann.get(&path)).await;
    assert_eq!((polled.status, &polled.body["state"]), (202, &json!("pending")));
    let leaving = send(ann.delete(&path)).await;
    assert_eq!((leaving.status, leaving.code()), (409, "pending"));
    let others = send(app.buyer("Bob").await.get(&path)).await;
    assert_eq!(others.code(), "no_such_signup");

    held.rollback().await.unwrap();
    let joined = join_with_retries(&ann, deal.id, 1, "a").await;
    assert_eq!((joined.status, &joined.body["id"]), (201, &pending.body["id"]));
    assert_eq!(send(ann.get(&path)).await.status, 200);
}
