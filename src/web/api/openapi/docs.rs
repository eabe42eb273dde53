//! The OpenAPI document as a view model: groups of operations, and the schemas that they use.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::DOCUMENT;
use crate::web::pages::view::markdown;
use crate::web::problem::{Code, Meaning};

pub(super) struct ApiDocs {
    pub(super) groups: Vec<Group>,
    pub(super) schemas: Vec<Schema>,
}

/// The operations with one tag.
pub(super) struct Group {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) operations: Vec<Operation>,
}

/// One method of one path.
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) summary: String,
    /// As HTML.
    pub(super) description: String,
    /// The required permission and scope, in words.
    pub(super) access: String,
    pub(super) parameters: Vec<Field>,
    pub(super) request_body: Option<Body>,
    /// The responses that are not problems.
    pub(super) responses: Vec<Response>,
    pub(super) problems: Vec<Meaning>,
}

/// The body of a request or response.
pub(super) struct Body {
    pub(super) label: String,
    /// The name of the body's schema, or of a list's items.
    pub(super) schema: Option<String>,
    pub(super) example: Option<String>,
}

pub(super) struct Response {
    pub(super) status: String,
    pub(super) description: String,
    pub(super) headers: Vec<Field>,
    pub(super) body: Option<Body>,
}

/// A parameter, a header, or a field of a schema.
pub(super) struct Field {
    pub(super) name: String,
    pub(super) type_name: String,
    /// Where a parameter is sent: `path`, `query` or `header`.
    pub(super) location: String,
    pub(super) required: bool,
    /// As HTML.
    pub(super) description: String,
}

/// The schema of a JSON object or of an enum.
pub(super) struct Schema {
    pub(super) name: String,
    /// As HTML.
    pub(super) description: String,
    pub(super) fields: Vec<Field>,
    /// The values of an enum.
    pub(super) variants: Vec<String>,
    pub(super) example: Option<String>,
}

/// The prefix that `utoipa` gives to the schemas of list pages.
const LISTING: &str = "Listing_";

static DOCS: LazyLock<ApiDocs> = LazyLock::new(|| ApiDocs::new(&DOCUMENT));

impl ApiDocs {
    /// The view model of [`DOCUMENT`], which is built once.
    pub(super) fn get() -> &'static Self {
        &DOCS
    }

    fn new(document: &Value) -> Self {
        let mut operations: Vec<(String, Operation)> = members(&document["paths"])
            .flat_map(|(path, methods)| members(methods).map(move |(method, json)| (path, method, json)))
            .map(|(path, method, json)| (text(at(json, "/tags/0")), Operation::new(document, path, method, json)))
            .collect();
        let groups = list(&document["tags"])
            .map(|tag| {
                let name = text(&tag["name"]);
                let (tagged, others) = std::mem::take(&mut operations).into_iter().partition(|(tag, _)| *tag == name);
                operations = others;
                let tagged: Vec<(String, Operation)> = tagged;
                Group {
                    title: name.get(..1).unwrap_or_default().to_uppercase() + name.get(1..).unwrap_or_default(),
                    description: text(&tag["description"]),
                    operations: tagged.into_iter().map(|(_, operation)| operation).collect(),
                    name,
                }
            })
            .collect();
        let schemas = members(at(document, "/components/schemas"))
            // List pages differ only in their items.
            .filter(|(name, _)| !name.starts_with(LISTING))
            .map(|(name, schema)| Schema::new(document, name, schema))
            .collect();
        Self { groups, schemas }
    }
}

impl Operation {
    fn new(document: &Value, path: &str, method: &str, json: &Value) -> Self {
        let responses = || members(&json["responses"]);
        let is_problem = |response: &Value| !at(response, "/content/application~1problem+json").is_null();
        let problems = responses()
            .filter(|(_, response)| is_problem(response))
            .flat_map(|(_, response)| members(at(response, "/content/application~1problem+json/examples")))
            .filter_map(|(name, _)| Code::parse(name).map(Code::meaning))
            .collect();
        Self {
            id: text(&json["operationId"]),
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(&json["summary"]),
            description: html(&json["description"]),
            access: access(json),
            parameters: list(&json["parameters"]).map(Field::parameter).collect(),
            request_body: body(document, at(json, "/requestBody/content")),
            responses: responses()
                .filter(|(_, response)| !is_problem(response))
                .map(|(status, response)| Response {
                    status: status.clone(),
                    description: text(&response["description"]),
                    headers: members(&response["headers"]).map(|(name, header)| Field::header(name, header)).collect(),
                    body: body(document, &response["content"]),
                })
                .collect(),
            problems,
        }
    }
}

/// Who may call the operation, in words.
fn access(operation: &Value) -> String {
    let Some(ways) = operation["security"].as_array() else { return "Public".to_owned() };
    let role = match operation["x-role"].as_str() {
        Some("merchant") => "Requires staff of a merchant".to_owned(),
        Some(role) => format!("Requires a {role}"),
        None => "Requires a token".to_owned(),
    };
    let scopes: Vec<String> = ways.iter().flat_map(|way| list(&way["token"])).map(text).collect();
    let public = ways.iter().any(|way| way.as_object().is_some_and(Map::is_empty));
    match (public, scopes.is_empty()) {
        (true, _) => "Public; with a token you also see your own drafts".to_owned(),
        (false, true) => format!("{role}; the token must not be limited to scopes"),
        (false, false) => format!("{role}; scope {}", scopes.join(", ")),
    }
}

impl Field {
    fn parameter(parameter: &Value) -> Self {
        Self {
            name: text(&parameter["name"]),
            type_name: type_name(&parameter["schema"]),
            location: text(&parameter["in"]),
            required: parameter["required"] == json!(true),
            description: html(&parameter["description"]),
        }
    }

    fn header(name: &str, header: &Value) -> Self {
        Self {
            name: name.to_owned(),
            type_name: type_name(&header["schema"]),
            location: "header".to_owned(),
            required: false,
            description: html(&header["description"]),
        }
    }
}

impl Schema {
    fn new(document: &Value, name: &str, schema: &Value) -> Self {
        let parts: Vec<&Value> = list(&schema["allOf"]).chain([schema]).collect();
        let fields = parts
            .iter()
            .map(|part| resolve(document, part))
            .flat_map(|part| {
                let required: Vec<String> = list(&part["required"]).map(text).collect();
                members(&part["properties"]).map(move |(name, field)| Field {
                    name: name.clone(),
                    type_name: type_name(field),
                    location: String::new(),
                    required: required.contains(name),
                    description: html(&field["description"]),
                })
            })
            .collect();
        let variants = match list(&schema["enum"]).map(text).collect::<Vec<_>>() {
            none if none.is_empty() => list(&schema["oneOf"]).flat_map(|part| list(&part["enum"])).map(text).collect(),
            variants => variants,
        };
        let description = html(&schema["description"]);
        Self { name: name.to_owned(), description, fields, variants, example: example(schema) }
    }
}

fn body(document: &Value, content: &Value) -> Option<Body> {
    let (media_type, content) = members(content).next()?;
    let schema = &content["schema"];
    let schema_name = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
    Some(Body {
        label: if media_type == "application/json" { type_name(schema) } else { media_type.clone() },
        schema: schema_name.map(|name| name.strip_prefix(LISTING).unwrap_or(name).to_owned()),
        example: example(resolve(document, schema)),
    })
}

fn example(schema: &Value) -> Option<String> {
    schema.get("example").and_then(|example| serde_json::to_string_pretty(example).ok())
}

/// The name of a referenced schema, or a type with its bounds, such as `whole number, 1 to 100`.
fn type_name(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return name.strip_prefix(LISTING).map_or_else(|| name.to_owned(), |item| format!("page of {item}"));
    }
    // An optional value has a `oneOf` of null and its schema.
    if let Some(value) = list(&schema["oneOf"]).chain(list(&schema["allOf"])).find(|part| part["type"] != json!("null"))
    {
        return type_name(value);
    }
    let types =
        schema["type"].as_array().map_or_else(|| vec![text(&schema["type"])], |types| types.iter().map(text).collect());
    let name = types.into_iter().find(|name| name != "null").unwrap_or_default();
    let name = match (name.as_str(), schema["format"].as_str()) {
        ("array", _) => format!("list of {}", type_name(&schema["items"])),
        ("string", Some("uuid")) => "id".to_owned(),
        ("string", Some("date-time")) => "time".to_owned(),
        ("integer", _) => "whole number".to_owned(),
        ("boolean", _) => "true or false".to_owned(),
        ("string", _) => "text".to_owned(),
        (other, _) => other.to_owned(),
    };
    let bound = |min: &str, max: &str| match (schema[min].as_u64(), schema[max].as_u64()) {
        (Some(min), Some(max)) => format!(", {min} to {max}"),
        (Some(min), None) if min > 0 => format!(", at least {min}"),
        (None, Some(max)) => format!(", at most {max}"),
        _ => String::new(),
    };
    format!("{name}{}{}", bound("minimum", "maximum"), bound("minLength", "maxLength"))
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let pointer = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(schema)
}

/// The value at this JSON pointer; null if there is none.
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

/// A Markdown description as HTML. A single paragraph loses its `<p>`, so that it fits into a line or table cell.
fn html(value: &Value) -> String {
    let html = markdown::to_html(value.as_str().unwrap_or_default());
    let only = html.trim().strip_prefix("<p>").and_then(|rest| rest.strip_suffix("</p>"));
    only.filter(|only| !only.contains("<p>")).map_or_else(|| html.clone(), ToOwned::to_owned)
}
