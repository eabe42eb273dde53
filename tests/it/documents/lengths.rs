//! Length limits of documents, and the sections of a decision.

use super::{Document, documents};

const DECISIONS: &str = "docs/decisions/";
const DECISION_LINES: usize = 60;
const SECTIONS: [&str; 4] = ["## Context", "## Decision", "## Alternatives", "## Consequences"];

fn lines_max(path: &str) -> Option<usize> {
    match path {
        "README.md" => Some(120),
        "ARCHITECTURE.md" => Some(150),
        "docs/locking.md" => Some(80),
        "docs/errors-and-logs.md" => Some(100),
        decision if decision.starts_with(DECISIONS) => Some(DECISION_LINES),
        _ => None,
    }
}

#[test]
fn no_document_exceeds_its_length_limit() {
    let too_long = documents().into_iter().filter_map(|Document { path, text }| {
        let (limit, lines) = (lines_max(&path)?, text.lines().count());
        (lines > limit).then(|| format!("{path} has {lines} lines; the limit is {limit}"))
    });
    let too_long: Vec<String> = too_long.collect();
    assert!(too_long.is_empty(), "{too_long:#?}");
}

#[test]
fn decisions_are_numbered_without_gaps_and_have_every_section() {
    let decisions = documents().into_iter().filter(|document| document.path.starts_with(DECISIONS));
    let mut seen = 0;
    for (Document { path, text }, number) in decisions.zip(1..) {
        seen = number;
        assert!(path.starts_with(&format!("{DECISIONS}{number:04}-")), "{path} should have the number {number:04}");
        assert!(text.starts_with(&format!("# {number}. ")), "the title of {path} does not begin with its number");
        let sections: Vec<&str> = text.lines().filter(|line| line.starts_with("## ")).collect();
        assert_eq!(sections, SECTIONS, "{path}");
    }
    assert!(seen >= 20, "only {seen} decisions were found");
}
