//! Accounts and tokens.

use std::time::Duration;

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::api::{Answer, send};
use crate::support::{self, TestApp, fault::wait_until};

const PASSWORD: &str = "correct horse battery";

async fn sign_up(app: &TestApp, email: &str, role: &str) -> Answer {
    let new = json!({"email": email, "password": PASSWORD, "name": "Ann", "role": role});
    send(app.client.post(app.url("/api/v1/accounts")).json(&new)).await
}

async fn token(app: &TestApp, email: &str, more: Value) -> Answer {
    let mut new = json!({"email": email, "password": PASSWORD, "label": "test"});
    new.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    send(app.client.post(app.url("/api/v1/tokens")).json(&new)).await
}

async fn with(app: &TestApp, token: &Answer, path: &str) -> Answer {
    send(app.get(path).bearer_auth(token.body["token"].as_str().unwrap())).await
}

#[tokio::test]
async fn a_new_account_creates_a_token_and_uses_it() {
    let app = support::app().start().await;
    let account = sign_up(&app, "Ann@Example.com ", "buyer").await;
    assert_eq!(account.status, 201);
    assert_eq!(account.body["email"], "ann@example.com");
    assert!(account.body.get("password").is_none());

    let token = token(&app, "ann@example.com", json!({})).await;
    assert_eq!(token.status, 201);
    assert_eq!(token.body["scopes"], Value::Null);
    assert_eq!(with(&app, &token, "/api/v1/signups").await.status, 200);

    let listed = with(&app, &token, "/api/v1/tokens").await;
    assert_eq!(listed.body["data"][0]["id"], token.body["id"]);
    assert!(listed.body["data"][0].get("token").is_none(), "a token is shown once");
}

#[tokio::test]
async fn email_addresses_are_unique_ignoring_case() {
    let app = support::app().start().await;
    assert_eq!(sign_up(&app, "ann@example.com", "buyer").await.status, 201);
    let again = sign_up(&app, "ANN@example.com", "merchant").await;
    assert_eq!((again.status, again.code()), (409, "email_taken"));
}

#[tokio::test]
async fn every_problem_of_a_new_account_is_reported_in_one_response() {
    let app = support::app().start().await;
    let new = json!({"email": "ann", "password": "password", "name": " ", "role": "operator"});
    let answer = send(app.client.post(app.url("/api/v1/accounts")).json(&new)).await;
    assert_eq!((answer.status, answer.code()), (422, "invalid"));
    assert_eq!(answer.pointers(), ["/email", "/password", "/name", "/role"]);
}

#[tokio::test]
async fn a_wrong_password_does_not_reveal_whether_the_account_exists() {
    let app = support::app().start().await;
    sign_up(&app, "ann@example.com", "buyer").await;
    let wrong = json!({"email": "ann@example.com", "password": "something else", "label": "x"});
    let unknown = json!({"email": "bob@example.com", "password": "something else", "label": "x"});
    let wrong = send(app.client.post(app.url("/api/v1/tokens")).json(&wrong)).await;
    let unknown = send(app.client.post(app.url("/api/v1/tokens")).json(&unknown)).await;
    assert_eq!((wrong.status, wrong.code()), (401, "wrong_password"));
    assert_eq!(wrong.body, unknown.body);
}

#[tokio::test]
async fn a_revoked_token_is_rejected_immediately() {
    let app = support::app().start().await;
    sign_up(&app, "ann@example.com", "buyer").await;
    let (one, other) =
        (token(&app, "ann@example.com", json!({})).await, token(&app, "ann@example.com", json!({})).await);
    assert_eq!(with(&app, &one, "/api/v1/signups").await.status, 200);
    let path = format!("/api/v1/tokens/{}", one.body["id"].as_str().unwrap());
    for _ in 0..2 {
        let revoke = app.client.delete(app.url(&path)).bearer_auth(other.body["token"].as_str().unwrap());
        assert_eq!(send(revoke).await.status, 204);
        assert_eq!(with(&app, &one, "/api/v1/signups").await.code(), "bad_token");
    }
    assert_eq!(with(&app, &other, "/api/v1/tokens").await.body["data"].as_array().unwrap().len(), 1);
}

/// A request to the second node with a token that this node has cached and the first node has revoked.
async fn revoked_on_another_node(app: &TestApp) -> impl Fn() -> RequestBuilder {
    sign_up(app, "ann@example.com", "buyer").await;
    let token = token(app, "ann@example.com", json!({})).await;
    let text = token.body["token"].as_str().unwrap().to_owned();
    let to_second_node = app.nodes[1].get("/api/v1/signups").bearer_auth(&text);
    let to_second_node = move || to_second_node.try_clone().unwrap();
    assert_eq!(send(to_second_node()).await.status, 200);
    let path = format!("/api/v1/tokens/{}", token.body["id"].as_str().unwrap());
    assert_eq!(send(app.client.delete(app.url(&path)).bearer_auth(&text)).await.status, 204);
    to_second_node
}

#[tokio::test]
async fn a_token_revoked_on_another_node_is_rejected_once_the_cache_expires() {
    let app = support::app().nodes(2).start().await;
    let to_second_node = revoked_on_another_node(&app).await;
    app.clock.advance(Duration::from_secs(6)).await;
    assert_eq!(send(to_second_node()).await.code(), "bad_token");
}

#[tokio::test]
async fn a_cached_token_is_refreshed_before_it_expires() {
    let app = support::app().nodes(2).with("security.token_cache_s", "3600").start().await;
    let to_second_node = revoked_on_another_node(&app).await;
    app.clock.advance(Duration::from_mins(30)).await;
    assert_eq!(send(to_second_node()).await.status, 200);
    app.clock.advance(Duration::from_mins(15)).await;
    assert_eq!(send(to_second_node()).await.status, 200, "no request waits for the lookup");
    wait_until("the node has looked the token up again", async || send(to_second_node()).await.code() == "bad_token")
        .await;
}

#[tokio::test]
async fn a_token_expires_at_the_requested_time() {
    let app = support::app().start().await;
    sign_up(&app, "ann@example.com", "buyer").await;
    let end = app.nodes[0].clock.now() + Duration::from_mins(10);
    let token = token(&app, "ann@example.com", json!({ "expires_at": end })).await;
    assert_eq!(token.status, 201);
    assert_eq!(with(&app, &token, "/api/v1/signups").await.status, 200);
    app.clock.advance(Duration::from_mins(11)).await;
    assert_eq!(with(&app, &token, "/api/v1/signups").await.code(), "bad_token");
}

#[tokio::test]
async fn a_token_with_a_past_expiry_or_an_unknown_scope_is_rejected() {
    let app = support::app().start().await;
    sign_up(&app, "ann@example.com", "buyer").await;
    let new = json!({"label": "", "scopes": ["join", "everything"], "expires_at": "2020-01-01T00:00:00Z"});
    let answer = token(&app, "ann@example.com", new).await;
    assert_eq!(answer.pointers(), ["/label", "/scopes/1", "/expires_at"]);
}

#[tokio::test]
async fn only_hashes_of_tokens_and_passwords_are_stored() {
    let app = support::app().start().await;
    sign_up(&app, "ann@example.com", "buyer").await;
    let token = token(&app, "ann@example.com", json!({})).await;
    let text = token.body["token"].as_str().unwrap();
    assert!(text.starts_with("mst_") && text.len() == 36);
    let everything = app.backend.dump().await;
    assert!(everything.contains("ann@example.com"));
    assert!(!everything.contains(text) && !everything.contains(PASSWORD));
    assert!(everything.contains("$argon2id$"));
}

#[tokio::test]
async fn a_token_records_when_it_was_last_used() {
    let app = support::app().start().await;
    let ann = app.buyer("Ann").await;
    assert_eq!(send(ann.get("/api/v1/signups")).await.status, 200);
    app.auth.flush_uses().await;
    let tokens = send(ann.get("/api/v1/tokens")).await;
    assert!(tokens.body["data"][0]["last_used_at"].is_string());
}
