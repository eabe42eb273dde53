//! Creating, updating, publishing, withdrawing and reading deals.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::{Answer, send};
use crate::support::fault::wait_until;
use crate::support::{self, Person, TestApp};

/// The body of a request that creates a deal.
pub fn new_deal(app: &TestApp) -> Value {
    let now = app.nodes[0].clock.now();
    json!({
        "title": "Pottery for beginners", "description": "Two hours at the **wheel**.", "price": "19.00",
        "face_value": "38", "currency": "USD", "tipping_point": 10, "cap": 100, "per_buyer_max": 4,
        "opens_at": now, "closes_at": now + TimeDelta::days(1), "time_zone": "Europe/Berlin",
        "coupon_expires_at": now + TimeDelta::days(90), "city": "Berlin", "category": "workshop",
    })
}

async fn draft(app: &TestApp, merchant: &Person) -> Answer {
    let answer = send(merchant.post("/api/v1/deals").json(&new_deal(app))).await;
    assert_eq!(answer.status, 201);
    answer
}

fn path(deal: &Answer) -> String {
    format!("/api/v1/deals/{}", deal.body["id"].as_str().unwrap())
}

async fn patch(merchant: &Person, path: &str, etag: &str, change: Value) -> Answer {
    send(merchant.request(reqwest::Method::PATCH, path).header("If-Match", etag).json(&change)).await
}

#[tokio::test]
async fn a_deal_is_created_as_a_draft_then_published_and_public() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let draft = draft(&app, &mo).await;
    assert_eq!(draft.header("location"), path(&draft));
    assert_eq!(draft.body["state"], "draft");
    assert_eq!((&draft.body["price"], &draft.body["face_value"]), (&json!("19.00"), &json!("38.00")));
    assert_eq!(draft.body["merchant"], json!(mo.merchant_id()));
    assert_eq!(send(app.get(&path(&draft))).await.code(), "no_such_deal");

    let published = send(mo.post(&format!("{}/publish", path(&draft)))).await;
    assert_eq!((published.status, &published.body["state"]), (200, &json!("open")));
    let read = send(app.get(&path(&draft))).await;
    assert_eq!(read.body, published.body);
    assert_eq!(
        read.body["progress"],
        json!({
            "epoch": 1, "rev": read.body["progress"]["rev"], "state": "open", "buyers": 0, "needed": 10, "tipping_point": 10,
            "units": 0, "left": 100, "cap": 100, "closes_at": draft.body["closes_at"],
        })
    );
    let again = send(mo.post(&format!("{}/publish", path(&draft)))).await;
    assert_eq!((again.status, again.code()), (409, "not_draft"));
}

#[tokio::test]
async fn every_problem_of_a_deal_is_reported_in_one_response() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let answer =
        send(mo.post("/api/v1/deals").json(&json!({"price": "1.999", "face_value": "x", "currency": "USD"}))).await;
    assert_eq!((answer.status, answer.code()), (422, "invalid"));
    for pointer in
        ["/title", "/price", "/face_value", "/tipping_point", "/per_buyer_max", "/opens_at", "/closes_at", "/time_zone"]
    {
        assert!(answer.pointers().contains(&pointer), "{pointer} in {}", answer.body);
    }
}

#[tokio::test]
async fn an_unchanged_deal_is_answered_304() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).publish().await;
    let path = format!("/api/v1/deals/{}", deal.id);
    let etag = send(app.get(&path)).await.header("etag").to_owned();
    let again = send(app.get(&path).header("If-None-Match", &etag)).await;
    assert_eq!((again.status, again.header("etag")), (304, etag.as_str()));
    ann.post_join(deal.id, 1, "a").await;
    let after = send(app.get(&path).header("If-None-Match", &etag)).await;
    assert_eq!((after.status, &after.body["progress"]["buyers"]), (200, &json!(1)));

    let list = send(app.get("/api/v1/deals")).await;
    let again = send(app.get("/api/v1/deals").header("If-None-Match", list.header("etag"))).await;
    assert_eq!(again.status, 304);
}

#[tokio::test]
async fn a_draft_is_updated_only_with_its_current_etag() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let draft = draft(&app, &mo).await;
    let (path, first) = (path(&draft), draft.header("etag").to_owned());

    let missing = send(mo.request(reqwest::Method::PATCH, &path).json(&json!({"title": "x"}))).await;
    assert_eq!((missing.status, missing.code()), (428, "if_match_missing"));

    let changed = patch(&mo, &path, &first, json!({"price": "20.50", "cap": null, "city": null})).await;
    assert_eq!(changed.status, 200);
    assert_eq!(
        (&changed.body["price"], &changed.body["cap"], &changed.body["city"]),
        (&json!("20.50"), &Value::Null, &Value::Null)
    );
    assert_eq!(changed.body["title"], "Pottery for beginners");

    let late = patch(&mo, &path, &first, json!({"price": "21.00"})).await;
    assert_eq!((late.status, late.code()), (412, "deal_changed"));
    let whichever = patch(&mo, &path, "*", json!({"price": "21.00"})).await;
    assert_eq!(whichever.body["price"], "21.00");
    let wrong = patch(&mo, &path, "*", json!({"price": "99.00", "title": null, "tipping_point": 0})).await;
    assert_eq!(wrong.pointers(), ["/title", "/price", "/tipping_point"]);
    assert_eq!(patch(&mo, &path, "v1", json!({})).await.code(), "bad_header");
}

#[tokio::test]
async fn concurrent_updates_of_a_draft_succeed_once() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let draft = draft(&app, &mo).await;
    let (path, etag) = (path(&draft), draft.header("etag").to_owned());
    let changes = (0..8).map(|n| patch(&mo, &path, &etag, json!({"title": format!("Title {n}")})));
    let answers = futures_util::future::join_all(changes).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 412)));
}

#[tokio::test]
async fn the_terms_of_a_published_deal_cannot_change() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).publish().await;
    let path = format!("/api/v1/deals/{}", deal.id);
    let etag = send(mo.get(&path)).await.header("etag").to_owned();

    let refused = patch(&mo, &path, &etag, json!({"title": "New", "price": "1.00", "cap": 5})).await;
    assert_eq!((refused.status, refused.code()), (409, "already_published"));
    assert_eq!(refused.pointers(), ["/price", "/cap"]);

    ann.post_join(deal.id, 1, "a").await;
    let renamed = patch(&mo, &path, &etag, json!({"title": "New title", "description": ""})).await;
    assert_eq!((renamed.status, &renamed.body["title"]), (200, &json!("New title")), "joins do not change the ETag");
    let late = patch(&mo, &path, &etag, json!({"title": "Newer"})).await;
    assert_eq!(late.code(), "deal_changed");
}

#[tokio::test]
async fn a_deal_cannot_be_published_after_its_window() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let draft = draft(&app, &mo).await;
    app.clock.advance(Duration::from_hours(25)).await;
    let answer = send(mo.post(&format!("{}/publish", path(&draft)))).await;
    assert_eq!((answer.status, answer.code()), (409, "window_over"));
}

#[tokio::test]
async fn withdrawing_needs_a_reason_and_is_idempotent() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).publish().await;
    let path = format!("/api/v1/deals/{}/withdraw", deal.id);
    assert_eq!(send(mo.post(&path).json(&json!({}))).await.pointers(), ["/reason"]);
    let withdrawn = send(mo.post(&path).json(&json!({"reason": "The workshop is flooded."}))).await;
    assert_eq!((withdrawn.status, &withdrawn.body["state"]), (200, &json!("withdrawn")));
    assert_eq!(withdrawn.body["withdrawn_reason"], "The workshop is flooded.");
    let again = send(mo.post(&path).json(&json!({"reason": "Another one."}))).await;
    assert_eq!((again.status, &again.body["withdrawn_reason"]), (200, &json!("The workshop is flooded.")));

    let failed = app.deal(&mo).publish().await;
    app.clock.advance(Duration::from_hours(25)).await;
    app.close_now().await;
    let ended = send(mo.post(&format!("/api/v1/deals/{}/withdraw", failed.id)).json(&json!({"reason": "x"}))).await;
    assert_eq!((ended.status, ended.code()), (409, "ended"));
}

/// Fifty-one reads of deals while the table is locked. At any time one query waits for the lock.
#[tokio::test]
async fn concurrent_reads_of_deals_share_one_query() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let deals = [app.deal(&mo).publish().await.id, app.deal(&mo).publish().await.id];
    let mut locked = app.backend.connect().await;
    sqlx::query("BEGIN").execute(&mut locked).await.unwrap();
    sqlx::query("LOCK TABLE deals IN ACCESS EXCLUSIVE MODE").execute(&mut locked).await.unwrap();
    let started = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let reads: Vec<_> = (0..51)
        .map(|n| {
            let (store, deal, started) = (app.store.clone(), deals[n % 2], std::sync::Arc::clone(&started));
            tokio::spawn(async move {
                started.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                store.deal(deal).await.unwrap().unwrap().terms.title
            })
        })
        .collect();
    wait_until("all reads have started and a query waits", async || {
        started.load(std::sync::atomic::Ordering::SeqCst) == 51 && app.backend.waiting_for_locks().await > 0
    })
    .await;
    for _ in 0..3 {
        assert_eq!(app.backend.waiting_for_locks().await, 1, "all reads share one query");
    }
    sqlx::query("UPDATE deals SET title = 'Another title'").execute(&mut locked).await.unwrap();
    sqlx::query("COMMIT").execute(&mut locked).await.unwrap();
    let mut titles = Vec::new();
    for read in reads {
        titles.push(read.await.unwrap());
    }
    assert_eq!(titles.iter().filter(|title| *title == "Another title").count(), 51, "{titles:?}");
}
