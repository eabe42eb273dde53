//! The JSON API: one module for each group of routes, and the tests that walk all routes.

mod authorisation;
mod bad_input;
mod coupon_keys;
mod coupons;
pub mod deals;
mod fixture;
mod gate;
mod joining;
mod lists;
mod openapi;
mod rate_limits;

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

/// A response: status, headers and JSON body.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The code of the problem document, or "" if the response is not one.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The pointers of all reported field problems.
    pub fn pointers(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array();
        errors.into_iter().flatten().map(|error| error["pointer"].as_str().unwrap()).collect()
    }
}

/// Sends a request and reads the response. Asserts that an error is a problem document.
pub async fn send(request: reqwest::RequestBuilder) -> Answer {
    read(request.send().await.unwrap()).await
}

/// Reads a response. Asserts that an error is a problem document.
pub async fn read(response: Response) -> Answer {
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    let answer = Answer { status: status.as_u16(), headers, body };
    if status.is_client_error() || status.is_server_error() {
        assert_problem(&answer, status, &text);
    }
    answer
}

fn assert_problem(answer: &Answer, status: StatusCode, text: &str) {
    assert_eq!(answer.header("content-type"), "application/problem+json", "{status} {text}");
    assert_eq!(answer.body["status"], json!(status.as_u16()), "{text}");
    let code = muster::web::problem::Code::parse(answer.code()).unwrap_or_else(|| panic!("unknown code in {text}"));
    assert_eq!(code.meaning().status.as_u16(), status.as_u16(), "{text}");
    for member in ["type", "title", "detail"] {
        assert!(answer.body[member].as_str().is_some_and(|sentence| !sentence.is_empty()), "{member} in {text}");
    }
    if matches!(status.as_u16(), 429 | 503) {
        assert!(answer.header("retry-after").parse::<u32>().is_ok_and(|seconds| seconds > 0), "{text}");
    }
    if status == StatusCode::UNAUTHORIZED {
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{text}");
    }
    for error in answer.body["errors"].as_array().into_iter().flatten() {
        assert!(error["pointer"].is_string() && error["code"].is_string() && error["message"].is_string(), "{text}");
    }
}

/// The method and path of every route of the API.
pub fn api_routes() -> Vec<(reqwest::Method, String)> {
    let routes = muster::web::routes::api_routes();
    assert!(!routes.is_empty(), "the API has routes");
    routes.into_iter().map(|(method, path)| (method.as_str().parse().unwrap(), path)).collect()
}
