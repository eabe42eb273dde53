//! JSON request bodies, limited in size and time.
//!
//! The handler reads the body itself, after the other extractors have passed, so an unauthorised caller never sees a
//! JSON error.

use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::{FromRequest, HttpRequest};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

use super::{ReservedSlot, app};
use crate::domain::problem::JsonType;
use crate::domain::{FieldProblem, FieldProblemKind};
use crate::web::problem::{Code, Problem};

/// A request body that has not been read.
pub struct Body {
    payload: Payload,
    is_json: bool,
    announced_bytes: usize,
    max_bytes: usize,
    timeout: Duration,
    reservation: ReservedSlot,
}

impl FromRequest for Body {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        ready(app(request).map(|app| Self {
            payload: payload.take(),
            is_json: header(CONTENT_TYPE).is_some_and(is_json),
            announced_bytes: header(CONTENT_LENGTH).and_then(|length| length.parse().ok()).unwrap_or(0),
            max_bytes: app.config.server.body_max_bytes,
            timeout: app.config.server.body_timeout,
            reservation: ReservedSlot::of(request),
        }))
    }
}

impl Body {
    /// Reads the body as a JSON object.
    ///
    /// # Errors
    /// The content type is not JSON, the body is too large or too slow, or it does not parse as `T`.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, Problem> {
        if !self.is_json {
            return Err(Problem::new(Code::WrongContentType));
        }
        let bytes = self.bytes().await?;
        parse_json(&bytes)
    }

    /// Reads and discards the body. actix closes a connection whose request body was not read.
    ///
    /// # Errors
    /// The body is too large or too slow.
    pub async fn skip(self) -> Result<(), Problem> {
        self.bytes().await.map(drop)
    }

    async fn bytes(mut self) -> Result<Bytes, Problem> {
        let too_large = || Problem::new(Code::BodyTooLarge).detail(format!("Send at most {} bytes.", self.max_bytes));
        if self.announced_bytes > self.max_bytes {
            return Err(too_large());
        }
        let mut bytes = BytesMut::with_capacity(self.announced_bytes);
        let read = async {
            while let Some(chunk) = self.payload.next().await {
                let chunk = chunk.map_err(|error| unreadable(&error))?;
                if bytes.len() + chunk.len() > self.max_bytes {
                    return Err(too_large());
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(())
        };
        self.reservation.read_within(self.timeout, read).await.map_err(|_| Problem::new(Code::BodyTooSlow))??;
        Ok(bytes.freeze())
    }
}

fn unreadable(error: &PayloadError) -> Problem {
    match error {
        PayloadError::Overflow => Problem::new(Code::BodyTooLarge),
        _ => Problem::new(Code::BadJson).detail("The body broke off. Send the whole of it."),
    }
}

/// `application/json`, with or without parameters.
fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case("application/json")
}

/// Parses one JSON object. Refuses arrays explicitly, because serde would read their items as the fields in order.
///
/// # Errors
/// The bytes are not JSON, or do not have the shape of `T`. The problem names the position or the field.
pub fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if bytes.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
        return Err(match serde_json::from_slice(bytes) {
            Ok(IgnoredAny) => {
                let kind = FieldProblemKind::WrongType { expected: JsonType::Object };
                Problem::invalid(vec![FieldProblem { pointer: String::new(), kind }])
            }
            Err(error) => not_json(bytes, &error),
        });
    }
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        Category::Data => wrong_field::<T>(bytes),
        _ => not_json(bytes, &error),
    })
}

fn not_json(bytes: &[u8], error: &serde_json::Error) -> Problem {
    let place = format!("Line {}, column {}", error.line(), error.column());
    Problem::new(Code::BadJson).detail(match error.classify() {
        Category::Eof if bytes.is_empty() => "The body is empty. Send a JSON object.".to_owned(),
        Category::Eof => format!("{place}: the JSON ends too early. Send the whole object."),
        _ => format!("{place}: this is not JSON. Send one JSON object."),
    })
}

/// Parses again to find the path of the wrong field. The first parse tracks no paths, because tracking costs time.
fn wrong_field<T: DeserializeOwned>(bytes: &[u8]) -> Problem {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    match serde_path_to_error::deserialize::<_, T>(&mut reader) {
        Err(error) => Problem::invalid(vec![describe(error.path(), &error.inner().to_string())]),
        Ok(_) => Problem::new(Code::BadJson),
    }
}

/// Reads serde's message, such as "invalid type: string \"two\", expected i64 at line 1 column 12".
fn describe(path: &Path, serde: &str) -> FieldProblem {
    let serde = serde.rsplit_once(" at line ").map_or(serde, |(message, _)| message);
    let pointer = pointer(path);
    let quoted = serde.split('`').nth(1).unwrap_or_default();
    let known = serde.split_once("expected ").map_or("", |(_, expected)| expected);
    let (pointer, kind) = if serde.starts_with("unknown field") {
        let known = known.trim_start_matches("one of ").replace('`', "");
        (pointer, FieldProblemKind::UnknownField { known })
    } else if serde.starts_with("missing field") {
        (format!("{pointer}/{quoted}"), FieldProblemKind::Required)
    } else if serde.starts_with("duplicate field") {
        (pointer, FieldProblemKind::DuplicateField { name: quoted.to_owned() })
    } else if known.is_empty() || known.contains("RFC 3339") {
        // chrono's message for an invalid time does not say what it expected.
        (pointer, FieldProblemKind::NotATime)
    } else {
        (pointer, FieldProblemKind::WrongType { expected: json_type(known) })
    };
    FieldProblem { pointer, kind }
}

/// The JSON type for a type name in serde's message.
fn json_type(expected: &str) -> JsonType {
    match expected {
        "i64" | "u32" | "i32" | "u64" => JsonType::WholeNumber,
        "a string" => JsonType::Text,
        "a sequence" => JsonType::List,
        expected if expected.starts_with("struct ") => JsonType::Object,
        expected => JsonType::Other(expected.to_owned()),
    }
}

/// The JSON pointer (RFC 6901) of a path. The whole document is the empty pointer.
fn pointer(path: &Path) -> String {
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Map { key } => Some(format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
            Segment::Seq { index } => Some(format!("/{index}")),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
