//! The merged tree of settings, before it is deserialized into a [`super::Config`].
//!
//! Serde stops at the first invalid value. To report all of them, each invalid value is recorded and replaced by its
//! default, and the tree is deserialized again until it succeeds.

use config::{ConfigError, Value, ValueKind};
use serde::de::DeserializeOwned;

use super::problem::ConfigProblems;

const IS_SECTION: &str = "is a section, not a setting";

/// Converts the text of an environment variable to a value. If the default is a list, commas separate the entries.
pub(super) fn value_for(defaults: &Value, path: &str, text: &str) -> Result<Value, String> {
    let mut node = defaults;
    for key in path.split('.') {
        let ValueKind::Table(known) = &node.kind else { return Err("is not in a section".to_owned()) };
        node = known.get(key).ok_or_else(|| unknown(known.keys()))?;
    }
    let entries = || text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).map(Value::from);
    match node.kind {
        ValueKind::Table(_) => Err(IS_SECTION.to_owned()),
        ValueKind::Array(_) => Ok(Value::from(entries().collect::<Vec<_>>())),
        _ => Ok(Value::from(text)),
    }
}

/// Reports and removes keys that are not in the defaults, so that a misspelt key is an error.
pub(super) fn refuse_unknown(merged: &mut Value, defaults: &Value, path: &str, problems: &mut ConfigProblems) {
    match (&mut merged.kind, &defaults.kind) {
        (ValueKind::Table(merged), ValueKind::Table(known)) => {
            merged.retain(|key, _| {
                let is_known = known.contains_key(key);
                if !is_known {
                    problems.add(&join(path, key), unknown(known.keys()));
                }
                is_known
            });
            for (key, value) in merged {
                if let Some(default) = known.get(key) {
                    refuse_unknown(value, default, &join(path, key), problems);
                }
            }
        }
        (_, ValueKind::Table(_)) => {
            problems.add(path, IS_SECTION);
            *merged = defaults.clone();
        }
        _ => {}
    }
}

/// Deserializes a tree without unknown keys. Returns `None` if the defaults themselves are invalid.
pub(super) fn read<T: DeserializeOwned>(mut tree: Value, defaults: &Value, problems: &mut ConfigProblems) -> Option<T> {
    loop {
        let error = match tree.clone().try_deserialize() {
            Ok(read) => return Some(read),
            Err(error) => error,
        };
        let (path, message) = describe(&error);
        let path = path.split('[').next().unwrap_or_default();
        let replaced = replace(&mut tree, defaults, path);
        problems.add(path, message);
        if !replaced {
            return None;
        }
    }
}

/// Replaces a value by its default. Returns whether that changed anything.
fn replace(node: &mut Value, default: &Value, path: &str) -> bool {
    let (key, rest) = path.split_once('.').unwrap_or((path, ""));
    if let (ValueKind::Table(table), ValueKind::Table(known)) = (&mut node.kind, &default.kind)
        && let (Some(value), Some(known)) = (table.get_mut(key), known.get(key))
    {
        return replace(value, known, rest);
    }
    let differs = path.is_empty() && node.kind != default.kind;
    if differs {
        *node = default.clone();
    }
    differs
}

fn describe(error: &ConfigError) -> (String, String) {
    match error {
        ConfigError::Type { unexpected, expected, key, .. } => {
            (key.clone().unwrap_or_default(), format!("must be {expected}, not {unexpected}"))
        }
        ConfigError::At { error, key, .. } => (key.clone().unwrap_or_default(), error.to_string()),
        ConfigError::NotFound(key) => (key.clone(), "is missing".to_owned()),
        other => (String::new(), other.to_string()),
    }
}

fn unknown<'a>(known: impl Iterator<Item = &'a String>) -> String {
    let mut known: Vec<&str> = known.map(String::as_str).collect();
    known.sort_unstable();
    format!("is not a known key; known keys: {}", known.join(", "))
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
