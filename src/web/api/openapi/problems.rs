//! Completes the description by what follows from the rest of it: which problems each call can answer with, what a problem
//! document is, and how one proves who one is.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::web::error::Code;
use crate::web::problem::PROBLEM_JSON;

/// What every call behind the gate can answer.
const ALWAYS: [Code; 3] = [Code::QueryTooLong, Code::TooManyRequests, Code::Internal];
/// What one can hear who must prove who they are.
const SIGNED: [Code; 6] =
    [Code::NotSignedIn, Code::BadToken, Code::ScopeMissing, Code::WrongRole, Code::Busy, Code::Unavailable];
/// What one can hear who may prove who they are.
const MAYBE_SIGNED: [Code; 3] = [Code::BadToken, Code::Busy, Code::Unavailable];
/// What a body can be.
const WITH_BODY: [Code; 5] =
    [Code::BadJson, Code::BodyTooSlow, Code::BodyTooLarge, Code::WrongContentType, Code::Invalid];

/// Adds everything that is missing.
pub(super) fn complete(mut document: Value) -> Value {
    if let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) {
        for (path, calls) in paths {
            for (method, call) in calls.as_object_mut().into_iter().flatten() {
                add_problems(path, method, call);
            }
        }
    }
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        schemas.values_mut().for_each(drop_empty_defaults);
        schemas.insert("Problem".to_owned(), problem_schema());
        schemas.insert("FieldProblem".to_owned(), field_problem_schema());
    }
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        components.insert("securitySchemes".to_owned(), security_schemes());
    }
    document
}

fn add_problems(path: &str, method: &str, call: &mut Value) {
    let Some(call) = call.as_object_mut() else { return };
    let mut codes = own(call);
    if path.starts_with("/api/") {
        codes.extend(implied(path, method, call));
    }
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in Code::ALL.iter().filter(|code| codes.contains(code)) {
        by_status.entry(code.meaning().status.as_u16()).or_default().push(*code);
    }
    if let Some(responses) = call.get_mut("responses").and_then(Value::as_object_mut) {
        for (status, codes) in by_status {
            responses.insert(status.to_string(), response(&codes));
        }
    }
}

/// What its handler says of it.
fn own(call: &mut Map<String, Value>) -> Vec<Code> {
    let words = call.remove("x-problems");
    let words = words.as_ref().and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    words.filter_map(Code::parse).collect()
}

/// What follows from its shape.
fn implied(path: &str, method: &str, call: &Map<String, Value>) -> Vec<Code> {
    let mut codes = ALWAYS.to_vec();
    let parameters: Vec<&Value> = call.get("parameters").and_then(Value::as_array).into_iter().flatten().collect();
    let has = |name: &str, value: &str| parameters.iter().any(|p| p.get(name).and_then(Value::as_str) == Some(value));
    if path.contains("{id}") {
        codes.push(Code::BadId);
    }
    if has("in", "query") {
        codes.push(Code::BadQuery);
    }
    if has("name", "cursor") {
        codes.push(Code::BadCursor);
    }
    if call.contains_key("requestBody") {
        codes.extend(WITH_BODY);
    }
    if method != "get" {
        codes.push(Code::WrongOrigin);
    }
    match call.get("security").and_then(Value::as_array) {
        Some(ways) if ways.iter().any(|way| way.as_object().is_some_and(Map::is_empty)) => codes.extend(MAYBE_SIGNED),
        Some(_) => codes.extend(SIGNED),
        None => codes.push(Code::Unavailable),
    }
    codes
}

fn response(codes: &[Code]) -> Value {
    let titles: Vec<String> = codes.iter().map(|code| format!("`{}`", code.meaning().word)).collect();
    let examples: Map<String, Value> =
        codes.iter().map(|code| (code.meaning().word.to_owned(), example(*code))).collect();
    let mut response = json!({
        "description": titles.join(", "),
        "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": examples}},
    });
    let waits =
        codes.iter().any(|code| matches!(code.meaning().status.as_u16(), 429 | 503) || *code == Code::PlacesHeld);
    if waits && let Some(response) = response.as_object_mut() {
        let header =
            json!({"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}});
        response.insert("headers".to_owned(), header);
    }
    response
}

fn example(code: Code) -> Value {
    let meaning = code.meaning();
    let mut value = json!({
        "type": format!("/api/docs#{}", meaning.word),
        "title": meaning.title,
        "status": meaning.status.as_u16(),
        "detail": meaning.sentence,
        "code": meaning.word,
    });
    let extra = match code {
        Code::Invalid => json!({"errors": [{"pointer": "/title", "code": "required", "message": "Fill this in."}]}),
        Code::BadQuery => {
            json!({"errors": [{"pointer": "/limit", "code": "out_of_range", "message": "Use a whole number from 1 to 100."}]})
        }
        Code::NotEnoughLeft => json!({"available": 1}),
        Code::BuyerLimit => json!({"max": 4}),
        Code::AlreadyRedeemed => json!({"redeemed_at": "2026-12-05T10:00:00Z", "redeemed_where": "Main Street"}),
        _ => json!({}),
    };
    if let (Some(value), Value::Object(extra)) = (value.as_object_mut(), extra) {
        value.extend(extra);
    }
    json!({"summary": meaning.title, "value": value})
}

/// That a field which is not sent counts as empty is how the server finds all problems at once, and nothing to rely on.
fn drop_empty_defaults(schema: &mut Value) {
    let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
    for property in properties.into_iter().flat_map(|properties| properties.values_mut()) {
        if let Some(property) = property.as_object_mut()
            && property.get("default").is_some_and(|default| default.is_null() || *default == json!(""))
        {
            property.remove("default");
        }
    }
}

fn problem_schema() -> Value {
    let words: Vec<&str> = Code::ALL.iter().map(|code| code.meaning().word).collect();
    json!({
        "type": "object",
        "description": "What went wrong and what to do (RFC 9457).",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference", "description": "Where the code is explained."},
            "title": {"type": "string", "description": "What happened."},
            "status": {"type": "integer", "description": "The status of the answer."},
            "detail": {"type": "string", "description": "What to do now."},
            "code": {"type": "string", "enum": words, "description": "What went wrong, for programs. It never changes its meaning."},
            "errors": {
                "type": "array", "items": {"$ref": "#/components/schemas/FieldProblem"},
                "description": "Everything that is wrong, at once.",
            },
            "available": {"type": "integer", "minimum": 0, "description": "With `not_enough_left`: the most units that may be taken."},
            "max": {"type": "integer", "minimum": 1, "description": "With `buyer_limit`: the most units of one buyer."},
            "redeemed_at": {"type": "string", "format": "date-time", "description": "With `already_redeemed`."},
            "redeemed_where": {"type": "string", "description": "With `already_redeemed`: the name of the till."},
        },
    })
}

fn field_problem_schema() -> Value {
    json!({
        "type": "object",
        "description": "One thing that is wrong with one field or parameter.",
        "required": ["pointer", "code", "message"],
        "properties": {
            "pointer": {"type": "string", "description": "Where it is, as a JSON pointer (RFC 6901): `/price`."},
            "code": {"type": "string", "description": "For programs."},
            "message": {"type": "string", "description": "What to do, for people."},
        },
    })
}

fn security_schemes() -> Value {
    json!({
        "token": {
            "type": "http", "scheme": "bearer",
            "description": "A token from `POST /api/v1/tokens`. It may be limited to scopes: `join` (join and leave deals), `deals` (write, \
                            publish and withdraw deals), `redeem` (redeem coupons), `read` (read what only its owner sees).",
        },
        "session": {
            "type": "apiKey", "in": "cookie", "name": "muster",
            "description": "The session of a browser that signed in; behind TLS the cookie is `__Host-muster`. What changes \
                            something must come from a page of this site.",
        },
    })
}

#[cfg(test)]
mod tests {
    use utoipa::OpenApi;

    use super::super::Calls;
    use super::*;

    #[test]
    fn every_problem_that_a_handler_names_has_a_code() {
        let document = serde_json::to_value(Calls::openapi()).unwrap();
        let calls =
            document["paths"].as_object().unwrap().values().flat_map(|methods| methods.as_object().unwrap().values());
        let words: Vec<&str> = calls
            .flat_map(|call| call["x-problems"].as_array().into_iter().flatten())
            .map(|word| word.as_str().unwrap())
            .collect();
        assert!(words.len() > 20);
        assert_eq!(words.into_iter().find(|word| Code::parse(word).is_none()), None);
    }
}
