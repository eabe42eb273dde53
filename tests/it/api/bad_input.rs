//! Malformed input on every route: the response is a problem document that says what to do, and nothing changes.

use std::collections::HashSet;
use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::fixture::Fixture;
use super::{api_routes, send};
use crate::support::{self, Person};

/// A caller whom this route accepts.
fn caller<'a>(fixture: &'a Fixture, method: &Method, route: &str) -> &'a Person {
    let merchants = ["/deals", "/deals/{id}/publish", "/deals/{id}/withdraw", "/redemptions"];
    let path = route.trim_start_matches("/api/v1");
    let of_merchant = (*method != Method::GET && merchants.contains(&path))
        || *method == Method::PATCH
        || path.starts_with("/tokens")
        || (*method == Method::GET && path == "/deals/{id}/signups");
    if of_merchant { &fixture.mo } else { &fixture.ann }
}

fn request(fixture: &Fixture, method: &Method, route: &str, path: &str) -> RequestBuilder {
    let request = fixture.app.client.request(method.clone(), fixture.app.url(path));
    let request = request.bearer_auth(&caller(fixture, method, route).token).header("If-Match", "*");
    if route == "/api/v1/redemptions" { request } else { request.header("Idempotency-Key", "bad-input") }
}

#[tokio::test]
async fn every_route_with_a_body_rejects_a_malformed_one() {
    let fixture = Fixture::new().await;
    let before = fixture.app.backend.dump().await;
    let json = "application/json";
    let huge = format!("{{\"title\": \"{}\"}}", "x".repeat(17_000));
    let deep = "[".repeat(5_000);
    let bodies: [(&str, &[u8], &[&str]); 14] = [
        (json, b"", &["bad_json"]),
        (json, b"{", &["bad_json"]),
        (json, b"{,}", &["bad_json"]),
        (json, b"\xff\xfe{}", &["bad_json"]),
        (json, b"{\"title\": \"\xff\"}", &["bad_json", "invalid"]),
        (json, deep.as_bytes(), &["bad_json", "invalid"]),
        (json, b"null", &["invalid"]),
        (json, b"[]", &["invalid"]),
        (json, b"\"text\"", &["invalid"]),
        (json, b"{\"no_such_field\": 1}", &["invalid"]),
        (json, huge.as_bytes(), &["body_too_large"]),
        ("text/plain", b"{\"units\": 1}", &["wrong_content_type"]),
        ("application/x-www-form-urlencoded", b"units=1", &["wrong_content_type"]),
        ("", b"{\"units\": 1}", &["wrong_content_type"]),
    ];
    let mut walked = 0;
    for (method, route) in api_routes() {
        if fixture.body(&method, &route).is_none() {
            continue;
        }
        walked += 1;
        for (content_type, body, codes) in bodies {
            let request = request(&fixture, &method, &route, &fixture.path(&method, &route)).body(body.to_vec());
            let typed = [content_type].into_iter().filter(|kind| !kind.is_empty());
            let answer = send(typed.fold(request, |request, kind| request.header("Content-Type", kind))).await;
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]);
            assert!(codes.contains(&answer.code()), "{method} {route} {content_type} {shown}: {}", answer.body);
        }
    }
    assert_eq!(walked, 7);
    assert_eq!(fixture.app.backend.dump().await, before);
}

#[tokio::test]
async fn every_field_of_every_body_is_validated() {
    let fixture = Fixture::new().await;
    let before = fixture.app.backend.dump().await;
    let strange = [
        json!({}),
        json!([1]),
        json!(true),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!("\u{0}"),
        json!("x".repeat(11_000)),
        json!("'; DROP TABLE deals; --\u{1}"),
    ];
    let (mut checked, mut fields) = (HashSet::new(), 0);
    for (method, route) in api_routes() {
        let Some(good) = fixture.body(&method, &route) else { continue };
        fields += good.as_object().unwrap().len();
        for field in good.as_object().unwrap().keys() {
            for value in &strange {
                if field == "password" && *value == strange[8] {
                    continue;
                }
                let mut body = good.clone();
                body[field] = value.clone();
                let answer = send(request(&fixture, &method, &route, &fixture.path(&method, &route)).json(&body)).await;
                // No account has this password.
                let refused = matches!(answer.code(), "invalid" | "wrong_password");
                assert!(refused, "{method} {route} {field}={value}: {}", answer.body);
                if answer.code() == "invalid" {
                    let pointer = format!("/{field}");
                    let named = answer.pointers().iter().any(|named| named.starts_with(&pointer));
                    assert!(named, "{method} {route} {field}={value}: {}", answer.body);
                    checked.insert((method.clone(), route.clone(), field.clone()));
                }
            }
        }
    }
    assert!(fields > 0);
    assert_eq!(checked.len(), fields, "every field is refused by its name at least once");
    assert_eq!(fixture.app.backend.dump().await, before);
}

#[tokio::test]
async fn every_route_with_an_id_rejects_a_malformed_one() {
    let fixture = Fixture::new().await;
    let before = fixture.app.backend.dump().await;
    let ids = [
        "1",
        "%00",
        "..%2f..",
        "0197f3b05c1e7c3a9d2b1f0a6e4c8b5d",
        "zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz",
        "%F0%9F%98%80",
    ];
    let with_id: Vec<_> = api_routes().into_iter().filter(|(_, route)| route.contains("{id}")).collect();
    assert!(with_id.len() > 8, "{with_id:?}");
    for (method, route) in with_id {
        for id in ids {
            let request = request(&fixture, &method, &route, &route.replace("{id}", id));
            let answer = send(match fixture.body(&method, &route) {
                Some(body) => request.json(&body),
                None => request,
            })
            .await;
            assert_eq!((answer.status, answer.code()), (400, "bad_id"), "{method} {route} {id}");
        }
    }
    assert_eq!(fixture.app.backend.dump().await, before);
}

#[tokio::test]
async fn every_route_with_an_id_answers_404_for_an_unknown_one() {
    let fixture = Fixture::new().await;
    let nothing = "0197f3b0-5c1e-7c3a-9d2b-1f0a6e4c8b5d";
    for (method, route) in api_routes().into_iter().filter(|(_, route)| route.contains("{id}")) {
        let request = request(&fixture, &method, &route, &route.replace("{id}", nothing));
        let answer = send(match fixture.body(&method, &route) {
            Some(body) => request.json(&body),
            None => request,
        })
        .await;
        assert_eq!(answer.status, 404, "{method} {route}: {}", answer.body);
        assert!(answer.code().starts_with("no_such_"), "{method} {route}: {}", answer.body);
    }
}

#[tokio::test]
async fn every_list_rejects_a_malformed_query() {
    let fixture = Fixture::new().await;
    let lists = api_routes().into_iter().filter(|(method, route)| {
        let is_single = ["{id}", ".svg", "z"].iter().any(|end| route.ends_with(end));
        *method == Method::GET && !is_single && !route.ends_with("/live")
    });
    let mut walked = 0;
    for (method, route) in lists {
        walked += 1;
        let path = fixture.path(&method, &route);
        for query in
            ["limit=0", "limit=101", "limit=-1", "limit=x", "limit=1&limit=2", "page=2", "cursor=%00", "limit=1e3"]
        {
            let answer = send(request(&fixture, &method, &route, &format!("{path}?{query}"))).await;
            assert_eq!((answer.status, answer.code()), (400, "bad_query"), "{route}?{query}: {}", answer.body);
            assert_eq!(answer.pointers().len(), 1, "{route}?{query}: {}", answer.body);
        }
        for cursor in ["x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "=", "%F0%9F%98%80"] {
            let answer = send(request(&fixture, &method, &route, &format!("{path}?cursor={cursor}"))).await;
            assert_eq!((answer.status, answer.code()), (400, "bad_cursor"), "{route}?cursor={cursor}");
        }
        let long = format!("{path}?q={}", "x".repeat(5_000));
        assert_eq!(send(request(&fixture, &method, &route, &long)).await.code(), "query_too_long");
    }
    assert_eq!(walked, 5);
    for query in ["city=%00", "q=%07", "state=", "mine=yes", "state=open&city=a&city=b"] {
        let answer = send(fixture.app.get(&format!("/api/v1/deals?{query}"))).await;
        assert_eq!((answer.status, answer.code()), (400, "bad_query"), "{query}");
    }
}

#[tokio::test]
async fn an_unsupported_method_is_answered_405_with_the_allowed_ones() {
    let fixture = Fixture::new().await;
    let before = fixture.app.backend.dump().await;
    for (_, route) in api_routes() {
        let has: Vec<Method> =
            api_routes().into_iter().filter(|(_, other)| *other == route).map(|(method, _)| method).collect();
        for method in
            [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS, Method::TRACE]
        {
            if has.contains(&method) {
                continue;
            }
            let answer = send(request(&fixture, &method, &route, &fixture.path(&method, &route))).await;
            assert_eq!((answer.status, answer.code()), (405, "wrong_method"), "{method} {route}");
            for method in &has {
                assert!(answer.header("allow").contains(method.as_str()), "{method} {route}");
            }
        }
    }
    assert_eq!(fixture.app.backend.dump().await, before);
}

#[tokio::test]
async fn an_unknown_route_points_to_the_documentation() {
    let app = support::app().start().await;
    for path in
        ["/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v2/deals", "/api/v1/deals/x/y/z", "/api/v1/deals//", "/api/"]
    {
        let answer = send(app.get(path)).await;
        assert_eq!((answer.status, answer.code()), (404, "no_such_route"), "{path}");
        assert!(answer.body["detail"].as_str().unwrap().contains("/api/docs"));
    }
}

#[tokio::test]
async fn a_body_that_never_arrives_times_out() {
    let app = support::app().with("server.body_timeout_ms", "300").start().await;
    let (mo, ann) = (app.merchant("Mo").await, app.buyer("Ann").await);
    let deal = app.deal(&mo).publish().await;
    let head = format!(
        "POST /api/v1/deals/{}/signups HTTP/1.1\r\nHost: muster\r\nAuthorization: Bearer {}\r\nIdempotency-Key: slow\r\n\
         Content-Type: application/json\r\nContent-Length: 12\r\n\r\n{{\"units\"",
        deal.id, ann.token
    );
    let answer = raw(app.address, head.as_bytes(), "body_too_slow").await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    let signups = super::send(ann.get("/api/v1/signups")).await;
    assert_eq!(signups.body["data"], Value::Array(vec![]));
}

#[tokio::test]
async fn a_chunked_body_has_the_same_size_limit() {
    let app = support::app().start().await;
    let mo = app.merchant("Mo").await;
    let mut request = format!(
        "POST /api/v1/deals HTTP/1.1\r\nHost: muster\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n",
        mo.token
    );
    for _ in 0..17 {
        request.push_str("400\r\n");
        request.push_str(&" ".repeat(1_024));
        request.push_str("\r\n");
    }
    let answer = raw(app.address, request.as_bytes(), "body_too_large").await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

/// Sends these bytes and reads until the response contains this text.
async fn raw(address: std::net::SocketAddr, bytes: &[u8], until: &str) -> String {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let read = async {
        let mut chunk = [0; 4096];
        while !String::from_utf8_lossy(&answer).contains(until) {
            let n = connection.read(&mut chunk).await.unwrap();
            assert_ne!(n, 0, "{}", String::from_utf8_lossy(&answer));
            answer.extend_from_slice(&chunk[..n]);
        }
    };
    tokio::time::timeout(Duration::from_secs(10), read).await.expect("a response within ten seconds");
    String::from_utf8_lossy(&answer).into_owned()
}
