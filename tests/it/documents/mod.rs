//! Checks what the documents say about the code against the code.

mod commands;
mod lengths;
mod links;
mod markdown;
mod names;
mod paths;

use std::collections::BTreeSet;
use std::fs;

use crate::architecture::{files, root};

/// A Markdown file: its path from the root, and its text.
struct Document {
    path: String,
    text: String,
}

/// Every document. Markdown below `src` is sample data.
fn documents() -> Vec<Document> {
    let at_root = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let at_root = at_root.filter(|path| path.extension().is_some_and(|ending| ending == "md")).map(|path| Document {
        path: path.strip_prefix(root()).unwrap().display().to_string(),
        text: fs::read_to_string(&path).unwrap(),
    });
    let folders = folders().into_iter().filter(|folder| folder != "src");
    let below = folders.flat_map(|folder| files(&folder, &["md"])).map(|(path, text)| Document { path, text });
    at_root.chain(below).collect()
}

/// The folders of the project, without build output.
fn folders() -> BTreeSet<String> {
    let entries = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap());
    let folders = entries.filter(|entry| entry.path().is_dir()).map(|entry| entry.file_name().into_string().unwrap());
    folders.filter(|name| name != "target" && !name.starts_with('.')).collect()
}

#[test]
fn all_kinds_of_documents_are_found() {
    let found: BTreeSet<String> = documents().into_iter().map(|document| document.path).collect();
    for path in [
        "README.md",
        "ARCHITECTURE.md",
        "docs/operating.md",
        "load-tests/README.md",
        "docs/decisions/0007-two-lanes.md",
    ] {
        assert!(found.contains(path), "{path} is not among {found:?}");
    }
}
