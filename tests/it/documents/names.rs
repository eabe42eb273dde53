//! Names in code spans of the documents: tests, SQL functions, metrics, types and settings.

use std::collections::BTreeSet;

use super::documents;
use super::markdown::code_words;
use crate::architecture::{files, word};

/// The names that follow this keyword in the files of these folders.
fn names_after(before: &str, folders: &[&str], ending: &str) -> BTreeSet<String> {
    let files = folders.iter().flat_map(|folder| files(folder, &[ending]));
    files
        .flat_map(|(_, text)| text.split(before).skip(1).map(|rest| word(rest).to_owned()).collect::<Vec<_>>())
        .collect()
}

/// Functions of Rust and SQL, and constraints.
fn functions() -> BTreeSet<String> {
    let rust = names_after("fn ", &["src", "tests", "benches"], "rs");
    let sql = |keyword| names_after(keyword, &["migrations", "sql"], "sql");
    rust.into_iter().chain(sql("FUNCTION ")).chain(sql("CONSTRAINT ")).collect()
}

/// Every setting as `section.key`.
fn settings() -> BTreeSet<String> {
    let mut settings = BTreeSet::new();
    for (path, toml) in files("config", &["toml"]) {
        let section = path.trim_start_matches("config/").trim_end_matches(".toml");
        let keys = toml.lines().filter_map(|line| line.split_once(" = ")).map(|(key, _)| key);
        settings.extend(keys.map(|key| format!("{section}.{key}")));
    }
    settings
}

fn metrics() -> BTreeSet<&'static str> {
    muster::telemetry::catalogue::METRICS.iter().map(|metric| metric.name).collect()
}

fn is_snake_case(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
}

#[test]
fn every_test_function_and_metric_exists() {
    let (functions, metrics, settings) = (functions(), metrics(), settings());
    let is_key = |name: &str| settings.iter().any(|setting| setting.ends_with(&format!(".{name}")));
    let mut wrong = Vec::new();
    for document in documents() {
        for word in code_words(&document.text) {
            // A metric may be followed by its labels: `muster_joins_total{outcome}`.
            let name = word.split('{').next().unwrap().rsplit("::").next().unwrap();
            let is_checked = is_snake_case(name) && (name.starts_with("muster_") || name.matches('_').count() >= 3);
            if is_checked && !functions.contains(name) && !metrics.contains(name) && !is_key(name) {
                wrong.push(format!("{} names {name}", document.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The type names in a text, such as `StoreError`.
fn type_names(text: &str) -> BTreeSet<&str> {
    let is_type = |word: &&str| {
        let humps = word.match_indices(|c: char| c.is_ascii_uppercase()).count();
        word.starts_with(|c: char| c.is_ascii_uppercase())
            && humps >= 2
            && word.contains(|c: char| c.is_ascii_lowercase())
    };
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(is_type).collect()
}

#[test]
fn every_type_exists() {
    // A type of tokio that the code does not name.
    const ELSEWHERE: [&str; 1] = ["LocalSet"];
    let rust: Vec<String> = files("src", &["rs"]).into_iter().map(|(_, rust)| rust).collect();
    let known: BTreeSet<&str> = rust.iter().flat_map(|rust| type_names(rust)).chain(ELSEWHERE).collect();
    let mut wrong = Vec::new();
    for document in documents() {
        for word in code_words(&document.text).iter().filter(|word| !word.contains(['/', '-'])) {
            let names = type_names(word);
            wrong.extend(names.difference(&known).map(|name| format!("{} names {name}", document.path)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_setting_exists() {
    let settings = settings();
    let sections: BTreeSet<&str> = settings.iter().filter_map(|setting| Some(setting.split_once('.')?.0)).collect();
    let mut wrong = Vec::new();
    for document in documents() {
        for word in code_words(&document.text) {
            let Some((section, key)) = word.split_once('.') else { continue };
            let is_file = ["rs", "toml", "lua", "md", "log", "json"].contains(&key);
            if sections.contains(section) && is_snake_case(key) && !is_file && !settings.contains(&word) {
                wrong.push(format!("{} names {word}", document.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
