//! The document as people read it: groups of calls, and the things that calls take and answer.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::DOCUMENT;
use crate::web::error::{Code, Meaning};
use crate::web::pages::view::markdown;

/// All of it.
pub(super) struct Reading {
    pub(super) groups: Vec<Group>,
    pub(super) things: Vec<Thing>,
}

/// Calls that belong together.
pub(super) struct Group {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) about: String,
    pub(super) calls: Vec<Call>,
}

/// One method of one address.
pub(super) struct Call {
    pub(super) id: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) summary: String,
    /// HTML.
    pub(super) about: String,
    pub(super) who: String,
    pub(super) parameters: Vec<Field>,
    /// The thing that it takes.
    pub(super) takes: Option<Body>,
    pub(super) answers: Vec<Answer>,
    pub(super) problems: Vec<Meaning>,
}

/// What a body is.
pub(super) struct Body {
    pub(super) label: String,
    /// The thing that it is, or that it lists.
    pub(super) thing: Option<String>,
    pub(super) example: Option<String>,
}

/// An answer that is no problem.
pub(super) struct Answer {
    pub(super) status: String,
    pub(super) about: String,
    pub(super) headers: Vec<Field>,
    pub(super) body: Option<Body>,
}

/// A parameter, a header, or a field of a thing.
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) place: String,
    pub(super) required: bool,
    /// HTML.
    pub(super) about: String,
}

/// A JSON object, or one of some words.
pub(super) struct Thing {
    pub(super) name: String,
    /// HTML.
    pub(super) about: String,
    pub(super) fields: Vec<Field>,
    pub(super) words: Vec<String>,
    pub(super) example: Option<String>,
}

/// How `utoipa` names the page of a list.
const LISTING: &str = "Listing_";

static READING: LazyLock<Reading> = LazyLock::new(|| Reading::read(&DOCUMENT));

impl Reading {
    /// Of the one document that there is.
    pub(super) fn of_the_document() -> &'static Self {
        &READING
    }

    fn read(document: &Value) -> Self {
        let mut calls: Vec<(String, Call)> = members(&document["paths"])
            .flat_map(|(path, methods)| members(methods).map(move |(method, call)| (path, method, call)))
            .map(|(path, method, call)| (text(at(call, "/tags/0")), Call::read(document, path, method, call)))
            .collect();
        let groups = list(&document["tags"])
            .map(|tag| {
                let name = text(&tag["name"]);
                let (mine, others) = std::mem::take(&mut calls).into_iter().partition(|(tag, _)| *tag == name);
                calls = others;
                let mine: Vec<(String, Call)> = mine;
                Group {
                    title: name.get(..1).unwrap_or_default().to_uppercase() + name.get(1..).unwrap_or_default(),
                    about: text(&tag["description"]),
                    calls: mine.into_iter().map(|(_, call)| call).collect(),
                    name,
                }
            })
            .collect();
        let things = members(at(document, "/components/schemas"))
            // Pages of a list look alike, whatever is on them.
            .filter(|(name, _)| !name.starts_with(LISTING))
            .map(|(name, schema)| Thing::read(document, name, schema))
            .collect();
        Self { groups, things }
    }
}

impl Call {
    fn read(document: &Value, path: &str, method: &str, call: &Value) -> Self {
        let responses = || members(&call["responses"]);
        let is_problem = |answer: &Value| !at(answer, "/content/application~1problem+json").is_null();
        let problems = responses()
            .filter(|(_, answer)| is_problem(answer))
            .flat_map(|(_, answer)| members(at(answer, "/content/application~1problem+json/examples")))
            .filter_map(|(word, _)| Code::parse(word).map(Code::meaning))
            .collect();
        Self {
            id: text(&call["operationId"]),
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(&call["summary"]),
            about: html(&call["description"]),
            who: who(call),
            parameters: list(&call["parameters"]).map(Field::parameter).collect(),
            takes: body(document, at(call, "/requestBody/content")),
            answers: responses()
                .filter(|(_, answer)| !is_problem(answer))
                .map(|(status, answer)| Answer {
                    status: status.clone(),
                    about: text(&answer["description"]),
                    headers: members(&answer["headers"]).map(|(name, header)| Field::header(name, header)).collect(),
                    body: body(document, &answer["content"]),
                })
                .collect(),
            problems,
        }
    }
}

/// Who may call it, in words.
fn who(call: &Value) -> String {
    let Some(ways) = call["security"].as_array() else { return "Everybody".to_owned() };
    let role = match call["x-role"].as_str() {
        Some(role) => format!("A {role}"),
        None => "Anybody with a token".to_owned(),
    };
    let scopes: Vec<String> = ways.iter().flat_map(|way| list(&way["token"])).map(text).collect();
    let everybody = ways.iter().any(|way| way.as_object().is_some_and(Map::is_empty));
    match (everybody, scopes.is_empty()) {
        (true, _) => "Everybody; with a token you see your own drafts, too".to_owned(),
        (false, true) => format!("{role}; no scope is enough, the token must be without limits"),
        (false, false) => format!("{role}; scope {}", scopes.join(", ")),
    }
}

impl Field {
    fn parameter(parameter: &Value) -> Self {
        Self {
            name: text(&parameter["name"]),
            kind: kind(&parameter["schema"]),
            place: text(&parameter["in"]),
            required: parameter["required"] == json!(true),
            about: html(&parameter["description"]),
        }
    }

    fn header(name: &str, header: &Value) -> Self {
        Self {
            name: name.to_owned(),
            kind: kind(&header["schema"]),
            place: "header".to_owned(),
            required: false,
            about: html(&header["description"]),
        }
    }
}

impl Thing {
    fn read(document: &Value, name: &str, schema: &Value) -> Self {
        let parts: Vec<&Value> = list(&schema["allOf"]).chain([schema]).collect();
        let fields = parts
            .iter()
            .map(|part| resolve(document, part))
            .flat_map(|part| {
                let required: Vec<String> = list(&part["required"]).map(text).collect();
                members(&part["properties"]).map(move |(name, field)| Field {
                    name: name.clone(),
                    kind: kind(field),
                    place: String::new(),
                    required: required.contains(name),
                    about: html(&field["description"]),
                })
            })
            .collect();
        let words = match list(&schema["enum"]).map(text).collect::<Vec<_>>() {
            words if words.is_empty() => list(&schema["oneOf"]).flat_map(|one| list(&one["enum"])).map(text).collect(),
            words => words,
        };
        Self { name: name.to_owned(), about: html(&schema["description"]), fields, words, example: example(schema) }
    }
}

fn body(document: &Value, content: &Value) -> Option<Body> {
    let (media_type, content) = members(content).next()?;
    let schema = &content["schema"];
    let thing = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
    Some(Body {
        label: if media_type == "application/json" { kind(schema) } else { media_type.clone() },
        thing: thing.map(|name| name.strip_prefix(LISTING).unwrap_or(name).to_owned()),
        example: example(resolve(document, schema)),
    })
}

fn example(schema: &Value) -> Option<String> {
    schema.get("example").and_then(|example| serde_json::to_string_pretty(example).ok())
}

/// What a schema is called: the name of a thing, or a type with its bounds.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return name.strip_prefix(LISTING).map_or_else(|| name.to_owned(), |item| format!("page of {item}"));
    }
    // An optional thing is one of null and the thing.
    if let Some(one) = list(&schema["oneOf"]).chain(list(&schema["allOf"])).find(|one| one["type"] != json!("null")) {
        return kind(one);
    }
    let types =
        schema["type"].as_array().map_or_else(|| vec![text(&schema["type"])], |types| types.iter().map(text).collect());
    let name = types.into_iter().find(|name| name != "null").unwrap_or_default();
    let name = match (name.as_str(), schema["format"].as_str()) {
        ("array", _) => format!("list of {}", kind(&schema["items"])),
        ("string", Some("uuid")) => "id".to_owned(),
        ("string", Some("date-time")) => "time".to_owned(),
        ("integer", _) => "whole number".to_owned(),
        ("boolean", _) => "true or false".to_owned(),
        ("string", _) => "text".to_owned(),
        (other, _) => other.to_owned(),
    };
    let bound = |least: &str, most: &str| match (schema[least].as_u64(), schema[most].as_u64()) {
        (Some(least), Some(most)) => format!(", {least} to {most}"),
        (Some(least), None) if least > 0 => format!(", at least {least}"),
        (None, Some(most)) => format!(", at most {most}"),
        _ => String::new(),
    };
    format!("{name}{}{}", bound("minimum", "maximum"), bound("minLength", "maxLength"))
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let pointer = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(schema)
}

/// The part at this JSON pointer; null if there is none.
fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The Markdown of a description. One paragraph goes without being one: it stands in a line or a cell.
fn html(value: &Value) -> String {
    let html = markdown::to_html(value.as_str().unwrap_or_default());
    let only = html.trim().strip_prefix("<p>").and_then(|rest| rest.strip_suffix("</p>"));
    only.filter(|only| !only.contains("<p>")).map_or_else(|| html.clone(), ToOwned::to_owned)
}
