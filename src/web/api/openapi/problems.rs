//! Completes the OpenAPI document: the problems of each operation, the schema of problem documents, and authentication.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::web::problem::Code;
use crate::web::problem::PROBLEM_JSON;

/// The problems of every operation behind the gate.
const ALWAYS: [Code; 3] = [Code::QueryTooLong, Code::TooManyRequests, Code::Internal];
/// The problems of operations that require authentication.
const AUTH_REQUIRED: [Code; 5] = [Code::NotSignedIn, Code::BadToken, Code::ScopeMissing, Code::Busy, Code::Unavailable];
/// The problems of operations with optional authentication.
const AUTH_OPTIONAL: [Code; 3] = [Code::BadToken, Code::Busy, Code::Unavailable];
/// The problems of operations with a request body.
const WITH_BODY: [Code; 5] =
    [Code::BadJson, Code::BodyTooSlow, Code::BodyTooLarge, Code::WrongContentType, Code::Invalid];

/// Adds what `utoipa` does not generate.
pub(super) fn complete(mut document: Value) -> Value {
    if let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) {
        for (path, operations) in paths {
            for (method, operation) in operations.as_object_mut().into_iter().flatten() {
                add_problems(path, method, operation);
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

fn add_problems(path: &str, method: &str, operation: &mut Value) {
    let Some(operation) = operation.as_object_mut() else { return };
    let mut codes = take_declared(operation);
    if path.starts_with("/api/") {
        codes.extend(implied(path, method, operation));
    }
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in Code::ALL.iter().filter(|code| codes.contains(code)) {
        by_status.entry(code.meaning().status.as_u16()).or_default().push(*code);
    }
    if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
        for (status, codes) in by_status {
            responses.insert(status.to_string(), response(&codes));
        }
    }
}

/// Removes and returns the problems that the handler's `x-problems` names.
fn take_declared(operation: &mut Map<String, Value>) -> Vec<Code> {
    let names = operation.remove("x-problems");
    let names = names.as_ref().and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    names.filter_map(Code::parse).collect()
}

/// The problems that follow from the operation's path, method, parameters, body and security.
fn implied(path: &str, method: &str, operation: &Map<String, Value>) -> Vec<Code> {
    let mut codes = ALWAYS.to_vec();
    let parameters: Vec<&Value> = operation.get("parameters").and_then(Value::as_array).into_iter().flatten().collect();
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
    if operation.contains_key("requestBody") {
        codes.extend(WITH_BODY);
    }
    if method != "get" {
        codes.push(Code::WrongOrigin);
    }
    match operation.get("security").and_then(Value::as_array) {
        Some(ways) if ways.iter().any(|way| way.as_object().is_some_and(Map::is_empty)) => codes.extend(AUTH_OPTIONAL),
        Some(_) => codes.extend(AUTH_REQUIRED),
        None => codes.push(Code::Unavailable),
    }
    if operation.contains_key("x-role") {
        codes.push(Code::WrongRole);
    }
    codes
}

fn response(codes: &[Code]) -> Value {
    let names: Vec<String> = codes.iter().map(|code| format!("`{}`", code.meaning().name)).collect();
    let examples: Map<String, Value> =
        codes.iter().map(|code| (code.meaning().name.to_owned(), example(*code))).collect();
    let mut response = json!({
        "description": names.join(", "),
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
        "type": format!("/api/docs#{}", meaning.name),
        "title": meaning.title,
        "status": meaning.status.as_u16(),
        "detail": meaning.detail,
        "code": meaning.name,
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

/// Removes empty defaults. The server reads absent required fields as empty only so that it can report all problems
/// together.
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
    let names: Vec<&str> = Code::ALL.iter().map(|code| code.meaning().name).collect();
    json!({
        "type": "object",
        "description": "A problem document (RFC 9457): what went wrong and what to do.",
        "required": ["type", "title", "status", "detail", "code"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference", "description": "The URL of the code's documentation."},
            "title": {"type": "string", "description": "What happened, in a few words."},
            "status": {"type": "integer", "description": "The HTTP status of the response."},
            "detail": {"type": "string", "description": "What to do now."},
            "code": {"type": "string", "enum": names, "description": "What went wrong, for programs. A code never changes its meaning."},
            "errors": {
                "type": "array", "items": {"$ref": "#/components/schemas/FieldProblem"},
                "description": "Every problem of the request's fields or parameters.",
            },
            "available": {"type": "integer", "minimum": 0, "description": "With `not_enough_left`: maximum units that you can join with."},
            "max": {"type": "integer", "minimum": 1, "description": "With `buyer_limit`: maximum units that one buyer can hold."},
            "redeemed_at": {"type": "string", "format": "date-time", "description": "With `already_redeemed`: when the coupon was redeemed."},
            "redeemed_where": {"type": "string", "description": "With `already_redeemed`: the name of the till."},
        },
    })
}

fn field_problem_schema() -> Value {
    json!({
        "type": "object",
        "description": "A problem of one field or parameter.",
        "required": ["pointer", "code", "message"],
        "properties": {
            "pointer": {"type": "string", "description": "The field or parameter, as a JSON pointer (RFC 6901): `/price`."},
            "code": {"type": "string", "description": "What is wrong, for programs."},
            "message": {"type": "string", "description": "What to do, for people."},
        },
    })
}

fn security_schemes() -> Value {
    json!({
        "token": {
            "type": "http", "scheme": "bearer",
            "description": "A token from `POST /api/v1/tokens`. It can be limited to scopes: `join` (join and leave deals), `deals` (write, \
                            publish and withdraw deals), `redeem` (redeem coupons), `read` (read what only its owner can see).",
        },
        "session": {
            "type": "apiKey", "in": "cookie", "name": "muster",
            "description": "The session of a browser that signed in. Behind TLS the cookie is `__Host-muster`. A request that \
                            changes something must come from a page of this site.",
        },
    })
}

#[cfg(test)]
mod tests {
    use utoipa::OpenApi;

    use super::*;
    use crate::web::api::openapi::Operations;

    #[test]
    fn every_problem_named_by_a_handler_has_a_code() {
        let document = serde_json::to_value(Operations::openapi()).unwrap();
        let operations =
            document["paths"].as_object().unwrap().values().flat_map(|methods| methods.as_object().unwrap().values());
        let names: Vec<&str> = operations
            .flat_map(|operation| operation["x-problems"].as_array().into_iter().flatten())
            .map(|name| name.as_str().unwrap())
            .collect();
        assert!(names.len() > 20);
        assert_eq!(names.into_iter().find(|name| Code::parse(name).is_none()), None);
    }
}
