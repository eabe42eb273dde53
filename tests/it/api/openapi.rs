//! The OpenAPI document describes exactly the API that exists.

use std::collections::BTreeSet;

use muster::web::problem::Code;
use muster::web::routes;
use serde_json::Value;

use super::send;
use crate::support;

async fn document() -> Value {
    let app = support::app().start().await;
    send(app.get("/api/openapi.json")).await.body
}

fn calls(document: &Value) -> impl Iterator<Item = (String, String, &Value)> {
    document["paths"].as_object().unwrap().iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().iter().map(move |(method, call)| (method.to_uppercase(), path.clone(), call))
    })
}

#[tokio::test]
async fn the_document_lists_exactly_the_existing_routes() {
    let document = document().await;
    let described: BTreeSet<_> = calls(&document).map(|(method, path, _)| (method, path)).collect();
    let routed: BTreeSet<_> =
        routes::api_routes().into_iter().map(|(method, path)| (method.to_string(), path)).collect();
    assert_eq!(described, routed);
}

#[tokio::test]
async fn the_document_is_openapi_3_1_without_dangling_references() {
    let document = document().await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    let text = document.to_string();
    assert!(text.matches("\"$ref\":").count() > 20, "the document has references");
    for reference in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(document.pointer(reference).is_some(), "{reference} does not exist");
    }
    assert!(!text.contains("x-problems"), "responses replace the extension");
}

#[tokio::test]
async fn every_operation_has_an_id_a_summary_and_a_success_response() {
    let document = document().await;
    let mut names = BTreeSet::new();
    for (method, path, call) in calls(&document) {
        let name = call["operationId"].as_str().unwrap();
        assert!(names.insert(name.to_owned()), "{name} occurs twice");
        assert!(call["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{method} {path}");
        let good = call["responses"].as_object().unwrap().keys().any(|status| status.starts_with(['1', '2']));
        assert!(good, "{method} {path}");
    }
}

#[tokio::test]
async fn every_problem_code_is_documented_with_an_example() {
    let document = document().await;
    let mut seen = BTreeSet::new();
    for (method, path, call) in calls(&document) {
        for (status, response) in call["responses"].as_object().unwrap() {
            let Some(examples) = response.pointer("/content/application~1problem+json/examples") else { continue };
            for (word, example) in examples.as_object().unwrap() {
                let code = Code::parse(word).unwrap();
                assert_eq!(status, code.meaning().status.as_str(), "{method} {path} {word}");
                assert_eq!(&example["value"]["code"], word);
                seen.insert(word.clone());
            }
        }
    }
    // Responses to requests that match no operation.
    let beside = ["no_such_route", "wrong_method"];
    let missing: Vec<_> =
        Code::ALL.iter().map(|code| code.meaning().name).filter(|word| !seen.contains(*word)).collect();
    assert_eq!(missing, beside);
}

#[tokio::test]
async fn every_schema_example_matches_its_schema() {
    let document = document().await;
    let mut checked = 0;
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let Some(example) = schema["example"].as_object() else { continue };
        checked += 1;
        for field in example.keys() {
            assert!(schema["properties"].get(field).is_some(), "{name} has no {field}");
        }
        for field in schema["required"].as_array().into_iter().flatten() {
            assert!(example.contains_key(field.as_str().unwrap()), "the example of {name} lacks {field}");
        }
    }
    assert!(checked > 0, "some schema has an example");
}

#[tokio::test]
async fn the_coupon_codes_in_examples_are_valid() {
    let document = document().await;
    for example in ["/components/schemas/Coupon/example/code", "/components/schemas/NewRedemption/example/code"] {
        let code = document.pointer(example).unwrap().as_str().unwrap();
        assert!(muster::domain::CouponCode::parse(code).is_ok(), "{code}");
    }
}

#[tokio::test]
async fn the_documentation_page_names_every_route_and_problem() {
    let app = support::app().start().await;
    let response = app.get("/api/docs").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers()["content-security-policy"].to_str().unwrap().contains("script-src 'self'"));
    let html = response.text().await.unwrap();
    for (_, path) in routes::api_routes() {
        assert!(html.contains(&path), "{path}");
    }
    for code in Code::ALL {
        assert!(html.contains(&format!("id=\"{}\"", code.meaning().name)), "{}", code.meaning().name);
    }
}
