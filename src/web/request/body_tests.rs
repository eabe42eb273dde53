use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::*;
use crate::domain::TermsForm;
use crate::web::problem::sentence;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "the tests check only how it is parsed")]
struct Form {
    units: i64,
    #[serde(default)]
    at: Option<DateTime<Utc>>,
    #[serde(default)]
    words: Vec<String>,
}

fn refusal(json: &str) -> (&'static str, Option<FieldProblem>) {
    let problem = parse_json::<Form>(json.as_bytes()).unwrap_err();
    (problem.code().meaning().name, problem.field_problems().first().cloned())
}

fn field(json: &str) -> (String, &'static str, String) {
    let (code, field) = refusal(json);
    assert_eq!(code, "invalid");
    let field = field.unwrap();
    let (code, message) = (field.code(), sentence(&field.kind));
    (field.pointer, code, message)
}

#[test]
fn a_valid_body_is_parsed() {
    let form: Form = parse_json(br#"{"units": 2, "at": "2026-12-01T12:00:00Z"}"#).unwrap();
    assert_eq!(form.units, 2);
}

#[test]
fn invalid_json_is_reported_with_its_place() {
    for json in ["", "{", "{\"units\": 2,}", "units=2", "{\"units\": 2} {}", "\u{feff}{}"] {
        assert_eq!(refusal(json).0, "bad_json", "{json}");
    }
}

#[test]
fn an_unknown_field_is_reported() {
    let (pointer, code, message) = field(r#"{"units": 2, "qty/~": 3}"#);
    assert_eq!((pointer.as_str(), code), ("/qty~1~0", "unknown_field"));
    assert_eq!(message, "There is no such field: remove it. Known are: units, at, words.");
}

#[test]
fn a_field_of_the_wrong_type_is_reported() {
    assert_eq!(field(r#"{"units": "two"}"#), ("/units".to_owned(), "wrong_type", "Send a whole number.".to_owned()));
    assert_eq!(field(r#"{"units": 1.5}"#).1, "wrong_type");
    assert_eq!(field(r#"{"units": 1, "words": [1]}"#).0, "/words/0");
    assert_eq!(field("[]").0, "");
    assert_eq!(field("3").2, "Send a JSON object.");
}

#[test]
fn a_missing_or_duplicate_field_is_reported() {
    assert_eq!(field("{}"), ("/units".to_owned(), "required", "Fill this in.".to_owned()));
    assert_eq!(field(r#"{"units": 1, "units": 2}"#).1, "duplicate_field");
}

#[test]
fn an_invalid_time_is_reported_with_an_example() {
    for time in ["\"tomorrow\"", "\"2026-12-01\"", "12", "\"\"", "\"2026-13-01T00:00:00Z\""] {
        let (pointer, code, message) = field(&format!(r#"{{"units": 1, "at": {time}}}"#));
        assert_eq!((pointer.as_str(), code), ("/at", "not_a_time"), "{time}: {message}");
    }
}

#[test]
fn only_the_json_media_type_is_accepted() {
    for good in ["application/json", "Application/JSON; charset=utf-8"] {
        assert!(is_json(good), "{good}");
    }
    for bad in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""] {
        assert!(!is_json(bad), "{bad}");
    }
}

#[test]
fn an_invalid_time_in_the_terms_of_a_deal_is_reported_with_an_example() {
    let problem = parse_json::<TermsForm>(br#"{"opens_at": "soon"}"#).unwrap_err();
    assert_eq!(problem.field_problems().first().map(FieldProblem::code), Some("not_a_time"));
}
