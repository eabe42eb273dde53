//! The form and the API join alike: the same checks in the same order, and the same `Retry-After`.

use muster::domain::{Deal, JoinOutcome};
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Page;
use crate::api::{Answer, read, send};
use crate::support::app;
use crate::support::app::Builder;
use crate::support::fault::wait_until;
use crate::support::outcomes::joined;
use crate::support::people::join_request;

fn form(deal: &Deal) -> String {
    format!("/deals/{}/join", deal.id)
}

/// One lane with one slot.
fn one_slot() -> Builder {
    let one = app().with("lanes.count", "1").with("lanes.batch_max", "1").with("lanes.queue_max", "1");
    // A cached identity stays cached until the end of the test.
    one.with("security.token_cache_s", "300")
}

/// Asserts that both responses have the same status and `Retry-After`, and returns them.
fn assert_same_status(form: &Page, call: &Answer) -> (u16, u32) {
    let [form, call] = [(form.status.as_u16(), form.header("retry-after")), (call.status, call.header("retry-after"))];
    assert_eq!(form, call);
    (form.0, form.1.parse().unwrap())
}

#[actix_web::test]
async fn a_full_lane_refuses_a_form_without_looking_up_its_session() {
    let app = one_slot().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).publish().await;
    let mut stranger = app.browser_with(&"a".repeat(43));
    let fields = [("units", "1"), ("idempotency_key", "k")];
    let lock = app.backend.lock_deal(deal.id).await;
    let others = async {
        wait_until("a batch is being recorded", async || app.backend.waiting_for_locks().await == 1).await;
        let busy = stranger.post(&form(&deal), &fields).await;
        assert_eq!((busy.status.as_u16(), busy.header("retry-after"), busy.header("connection")), (503, "1", ""));
        assert_eq!(stranger.get("/my/deals").await.status, 303, "the full lane affects only joins");
        lock.unlock().await;
    };
    let (first, ()) = tokio::join!(ann.post_join(deal.id, 1, "a"), others);
    assert_eq!(first.status(), 201);
    app.backend.wait_until_nothing_is_held(deal.id).await;
    assert_eq!(stranger.post(&form(&deal), &fields).await.status, 303, "the response redirects to the sign-in page");
}

#[actix_web::test]
async fn a_full_lane_answers_form_and_api_alike_before_validation_and_rate_limits() {
    let limited = one_slot()
        .with("limits.joins_per_account_and_deal.count", "1")
        .with("limits.joins_per_account_and_deal.period_s", "3600");
    let app = limited.start().await;
    let (mo, ann, bob) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
    let deal = app.deal(&mo).publish().await;
    let path = format!("/api/v1/deals/{}/signups", deal.id);
    assert_eq!(send(bob.get("/api/v1/signups")).await.status, 200, "the node caches his token");
    let mut browser = app.browser_of(&bob).await;
    let page = browser.get(&format!("/deals/{}", deal.id)).await;
    let lock = app.backend.lock_deal(deal.id).await;
    let others = async {
        wait_until("a batch is being recorded", async || app.backend.waiting_for_locks().await == 1).await;
        for typed in [("units", "1"), ("units", "none"), ("idempotency_key", "")] {
            let busy = browser.submit(&page, &form(&deal), &[typed]).await;
            busy.says("Very many people are joining");
            let call = match typed {
                ("units", "1") => bob.post(&path).header("Idempotency-Key", "a").json(&json!({"units": 1})),
                ("units", _) => bob.post(&path).header("Idempotency-Key", "a").json(&json!({"units": "none"})),
                _ => bob.post(&path).json(&json!({"units": 1})),
            };
            assert_eq!(assert_same_status(&busy, &send(call).await), (503, 1), "{typed:?}");
        }
        lock.unlock().await;
    };
    let (first, ()) = tokio::join!(ann.post_join(deal.id, 1, "a"), others);
    assert_eq!(first.status(), 201);
    app.backend.wait_until_nothing_is_held(deal.id).await;
    assert_eq!(browser.submit(&page, &form(&deal), &[]).await.status, 303, "the 503s were not counted");
    let earlier = read(bob.post_join(deal.id, 1, "a").await).await;
    let limited = browser.submit(&page, &form(&deal), &[]).await;
    let later = read(bob.post_join(deal.id, 1, "a").await).await;
    let wait = |text: &str| text.parse::<u32>().unwrap();
    assert_eq!((earlier.status, limited.status.as_u16()), (429, 429));
    let between = wait(later.header("retry-after"))..=wait(earlier.header("retry-after"));
    assert!(between.contains(&wait(limited.header("retry-after"))));
}

#[actix_web::test]
async fn places_held_has_the_same_retry_after_for_form_and_api() {
    let app = app().nodes(2).with("redis.hold_ttl_ms", "60000").start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).tipping_point(1).cap(2).publish().await;
    joined(app.engine_join(&app.buyer("Bob").await, deal.id, 1, "k").await);
    app.backend.wait_until_nothing_is_held(deal.id).await;
    let mut browser = app.browser_of(&ann).await;
    let page = browser.get(&format!("/deals/{}", deal.id)).await;
    let lock = app.backend.lock_deal(deal.id).await;
    let (second_node, eve) = (app.nodes[1].engine.clone(), join_request(&app.buyer("Eve").await, deal.id, 1, "k"));
    let last = tokio::spawn(async move { second_node.join(eve).await });
    wait_until("Eve's join waits for the deal", async || app.backend.waiting_for_locks().await == 1).await;
    let held = browser.submit(&page, &form(&deal), &[]).await;
    held.says("Every free place is being taken right now");
    let call = read(ann.post_join(deal.id, 1, "a").await).await;
    assert_eq!((call.code(), assert_same_status(&held, &call)), ("places_held", (409, 1)));
    lock.unlock().await;
    joined(last.await.unwrap());
}

/// With one slot, a join that took a second one would find none.
#[actix_web::test]
async fn a_join_uses_one_slot_from_the_gate_to_its_response() {
    let app = one_slot().start().await;
    let (mo, ann, bob) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
    let deal = app.deal(&mo).publish().await;
    for (key, token) in [("a", "an unknown"), ("b", "a cached")] {
        assert_eq!(bob.post_join(deal.id, 1, key).await.status(), 201, "with {token} token");
    }
    let mut browser = app.browser_of(&ann).await;
    let page = browser.get(&format!("/deals/{}", deal.id)).await;
    assert_eq!(browser.submit(&page, &form(&deal), &[]).await.status, 303);
    let slot = app.engine.reserve(deal.id, None).unwrap();
    assert!(app.engine.reserve(deal.id, None).is_err(), "there is one slot");
    assert!(matches!(app.engine_join(&ann, deal.id, 1, "c").await, JoinOutcome::Busy { .. }));
    joined(app.engine.join_from(slot, join_request(&ann, deal.id, 1, "c")).await);
    drop(app.engine.reserve(deal.id, None).unwrap());
}

#[actix_web::test]
async fn a_client_with_a_slow_body_keeps_no_slot() {
    let app = one_slot().with("server.body_timeout_ms", "120000").start().await;
    let (mo, ann, bob) = (app.merchant("Mo").await, app.buyer("Ann").await, app.buyer("Bob").await);
    let deal = app.deal(&mo).publish().await;
    assert_eq!(send(bob.get("/api/v1/signups")).await.status, 200, "the node caches his token");
    let session = app.auth.start_session(ann.id, None).await.unwrap();
    let api_request = format!(
        "POST /api/v1/deals/{}/signups HTTP/1.1\r\nHost: muster\r\nAuthorization: Bearer {}\r\nIdempotency-Key: a\r\n\
         Content-Type: application/json\r\nContent-Length: 11\r\n\r\n{{",
        deal.id, ann.token,
    );
    let form_request = format!(
        "POST {} HTTP/1.1\r\nHost: muster\r\nOrigin: http://muster\r\nCookie: muster={}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 11\r\n\r\nu",
        form(&deal),
        session.secret.expose_secret(),
    );
    for (key, table, request, rest, status) in [
        ("a", "tokens", api_request, r#""units":1}"#, "HTTP/1.1 201 "),
        // Once its body has arrived, the form is refused because it has no CSRF token.
        ("b", "sessions", form_request, "nits=1&x=y", "HTTP/1.1 403 "),
    ] {
        let lock = app.backend.lock_table(table).await;
        let mut slow = TcpStream::connect(app.address).await.unwrap();
        slow.write_all(request.as_bytes()).await.unwrap();
        wait_until("Ann's credential is being looked up", async || app.backend.waiting_for_locks().await == 1).await;
        assert_eq!(read(bob.post_join(deal.id, 1, key).await).await.status, 503, "the slow client has the slot");
        lock.unlock().await;
        wait_until("the slot is free", async || bob.post_join(deal.id, 1, key).await.status() == 201).await;
        slow.write_all(rest.as_bytes()).await.unwrap();
        let mut answer = vec![0; status.len()];
        slow.read_exact(&mut answer).await.unwrap();
        assert_eq!(String::from_utf8(answer).unwrap(), status);
    }
}
