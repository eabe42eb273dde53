//! What applies to every request: origin checks, headers and sessions.

use std::time::Duration;

use muster::people::Credential;
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::json;

use super::send;
use crate::support::{self, Person, TestApp};

/// The cookie of a browser in which this person is signed in.
async fn cookie(app: &TestApp, person: &Person) -> String {
    let session = app.auth.start_session(person.id, None).await.unwrap();
    format!("muster={}", session.secret.expose_secret())
}

#[tokio::test]
async fn another_site_cannot_use_a_browsers_session() {
    let app = support::app().start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).publish().await;
    let cookie = cookie(&app, &ann).await;
    let before = app.backend.dump().await;
    let join = || {
        let request = app.client.post(app.url(&format!("/api/v1/deals/{}/signups", deal.id))).header("Cookie", &cookie);
        request.header("Idempotency-Key", "a").json(&json!({"units": 1}))
    };
    for (name, value) in
        [("Origin", "https://evil.example"), ("Sec-Fetch-Site", "cross-site"), ("Origin", "null"), ("X-Nothing", "x")]
    {
        let answer = send(join().header(name, value)).await;
        assert_eq!((answer.status, answer.code()), (403, "wrong_origin"), "{name}: {value}");
    }
    assert_eq!(app.backend.dump().await, before);
    assert_eq!(send(join().header("Sec-Fetch-Site", "same-origin")).await.status, 201);
    assert_eq!(send(join().header("Origin", app.url(""))).await.status, 201);
    let read = send(app.get("/api/v1/signups").header("Cookie", &cookie).header("Sec-Fetch-Site", "cross-site")).await;
    assert_eq!(read.status, 200, "a read changes nothing, and browsers hide the response from other sites");
}

#[tokio::test]
async fn an_ended_session_is_rejected_immediately() {
    let app = support::app().start().await;
    let ann = app.buyer("Ann").await;
    let cookie = cookie(&app, &ann).await;
    let signups = || app.get("/api/v1/signups").header("Cookie", &cookie);
    assert_eq!(send(signups()).await.status, 200);
    let session = Credential::session(cookie.trim_start_matches("muster=")).unwrap();
    app.auth.end_session(session).await.unwrap();
    assert_eq!(send(signups()).await.code(), "not_signed_in");
    assert_eq!(
        send(app.get("/api/v1/deals").header("Cookie", &cookie)).await.status,
        200,
        "public reads need no session"
    );
}

#[tokio::test]
async fn signing_in_replaces_the_browsers_session() {
    let app = support::app().start().await;
    let ann = app.buyer("Ann").await;
    let planted = cookie(&app, &ann).await;
    let before = Credential::session(planted.trim_start_matches("muster="));
    app.auth.start_session(ann.id, before).await.unwrap();
    assert_eq!(send(app.get("/api/v1/signups").header("Cookie", planted)).await.code(), "not_signed_in");
}

#[tokio::test]
async fn tokens_and_sessions_are_not_interchangeable() {
    let app = support::app().start().await;
    let ann = app.buyer("Ann").await;
    let session = cookie(&app, &ann).await;
    let as_token = send(app.get("/api/v1/signups").bearer_auth(session.trim_start_matches("muster="))).await;
    assert_eq!(as_token.code(), "bad_token");
    let as_session = send(app.get("/api/v1/signups").header("Cookie", format!("muster={}", ann.token))).await;
    assert_eq!(as_session.code(), "not_signed_in");
}

#[tokio::test]
async fn every_response_has_security_headers() {
    let app = support::app().start().await;
    for path in ["/api/v1/deals", "/api/v1/signups", "/api/v1/nothing", "/healthz", "/api/docs", "/api/openapi.json"] {
        let answer = send(app.get(path)).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{path}");
        assert!(!answer.header("cache-control").is_empty(), "{path}");
        assert!(answer.header("access-control-allow-origin").is_empty(), "{path}");
    }
}

#[tokio::test]
async fn head_returns_the_headers_of_get_without_a_body() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let deal = app.deal(&mo).publish().await;
    let path = format!("/api/v1/deals/{}", deal.id);
    let (get, head) =
        (send(app.get(&path)).await, app.client.request(Method::HEAD, app.url(&path)).send().await.unwrap());
    assert_eq!(head.status(), 200);
    assert_eq!(head.headers()["etag"], get.header("etag"));
    assert!(head.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn without_postgres_a_node_is_alive_but_not_ready() {
    let mut app = support::app().with_private_servers().with("postgres.acquire_timeout_ms", "500").start().await;
    let ann = app.buyer("Ann").await;
    assert_eq!(send(app.get("/readyz")).await.status, 200);
    app.servers().postgres().unwrap().kill().await;
    assert_eq!(send(app.get("/healthz")).await.status, 200);
    assert_eq!(send(app.get("/readyz")).await.code(), "unavailable");
    assert_eq!(send(app.get("/api/v1/deals")).await.code(), "unavailable");
    assert_eq!(send(ann.get("/api/v1/signups")).await.code(), "unavailable");
}

#[tokio::test]
async fn the_live_route_needs_an_upgrade_and_deal_ids() {
    let app = support::app().start().await;
    let id = muster::domain::DealId::generate();
    let plain = send(app.get(&format!("/api/v1/live?deal={id}"))).await;
    assert_eq!((plain.status, plain.code()), (426, "upgrade_needed"));
    for query in ["", "?deal=1", "?deal=", "?coupon=1"] {
        let answer = send(app.get(&format!("/api/v1/live{query}"))).await;
        assert_eq!((answer.status, answer.code()), (400, "bad_query"), "{query}");
    }
}

#[tokio::test]
async fn signing_out_everywhere_else_keeps_the_current_session() {
    let app = support::app().start().await;
    let ann = app.buyer("Ann").await;
    let (current, other) = (cookie(&app, &ann).await, cookie(&app, &ann).await);
    let signups = |cookie: &str| app.get("/api/v1/signups").header("Cookie", cookie);
    assert_eq!(send(signups(&other)).await.status, 200);
    assert_eq!(app.auth.sessions(ann.id).await.unwrap().len(), 2);
    let kept = Credential::session(current.trim_start_matches("muster=")).unwrap();
    assert_eq!(app.auth.end_other_sessions(ann.id, kept).await.unwrap(), 1);
    assert_eq!(send(signups(&other)).await.code(), "not_signed_in");
    assert_eq!(send(signups(&current)).await.status, 200);
}

#[tokio::test]
async fn a_session_expires_when_idle_and_at_its_maximum_lifetime() {
    let app =
        support::app().with("security.session_lifetime_h", "10").with("security.session_idle_h", "2").start().await;
    let ann = app.buyer("Ann").await;
    let unused = cookie(&app, &ann).await;
    app.clock.advance(Duration::from_mins(121)).await;
    assert_eq!(send(app.get("/api/v1/signups").header("Cookie", &unused)).await.code(), "not_signed_in");

    let used = cookie(&app, &ann).await;
    let hash = Credential::session(used.trim_start_matches("muster=")).unwrap().hash();
    for _ in 0..9 {
        app.clock.advance(Duration::from_hours(1)).await;
        assert_eq!(send(app.get("/api/v1/signups").header("Cookie", &used)).await.status, 200);
        app.auth.flush_uses().await;
    }
    assert!(app.auth.sessions(ann.id).await.unwrap().iter().any(|session| session.hash == hash));
    app.clock.advance(Duration::from_mins(61)).await;
    assert_eq!(send(app.get("/api/v1/signups").header("Cookie", &used)).await.code(), "not_signed_in");
}
