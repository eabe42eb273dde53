//! Paths in code spans of the documents.

use std::collections::BTreeSet;

use super::markdown::code_words;
use super::{documents, folders};
use crate::architecture::{files, root};

/// Extensions of files whose path may be shortened to its last parts, such as `lanes/slots.rs`.
const ENDINGS: [&str; 7] = ["rs", "lua", "js", "toml", "html", "sh", "yml"];

/// The load tests create this folder when they run.
const CREATED_LATER: &str = "load-tests/results";

/// The path up to the first part that is a placeholder, such as `<verb>`, `*` or `NNNN`.
fn literal_part(path: &str) -> &str {
    let uncertain = ["<", "*", "NNNN", "…", "{", "$"].iter().filter_map(|mark| path.find(mark)).min();
    uncertain.map_or(path, |at| path[..at].rsplit_once('/').map_or("", |(folder, _)| folder))
}

#[test]
fn every_path_from_the_root_exists() {
    let folders = folders();
    let (mut checked, mut wrong) = (0, Vec::new());
    for document in documents() {
        for word in code_words(&document.text) {
            let Some((first, _)) = word.split_once('/') else { continue };
            let is_in_project = folders.contains(first) && !word.starts_with(CREATED_LATER);
            checked += u32::from(is_in_project);
            if is_in_project && !root().join(literal_part(&word)).exists() {
                wrong.push(format!("{} names {word}", document.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(checked > 40, "only {checked} paths were found");
}

#[test]
fn every_shortened_path_matches_a_file() {
    let all: BTreeSet<String> =
        folders().iter().flat_map(|folder| files(folder, &ENDINGS)).map(|(path, _)| format!("/{path}")).collect();
    let mut wrong = Vec::new();
    for document in documents() {
        for word in code_words(&document.text) {
            let is_source = ENDINGS.iter().any(|ending| word.ends_with(&format!(".{ending}")));
            let is_elsewhere = word.starts_with(['/', '.']) || word.starts_with("target/") || word.contains("://");
            if word.contains('/') && is_source && !is_elsewhere && literal_part(&word) == word {
                let is_an_end = all.iter().any(|path| path.ends_with(&format!("/{word}")));
                if !is_an_end {
                    wrong.push(format!("{} names {word}", document.path));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
