//! Redis accepts a change by its higher `rev`, and the reconciler finds it by `changed_at`. Every writer of what
//! admission reads must set both.

use std::fs;
use std::path::Path;

/// The columns that admission reads.
const READ: [&str; 7] = ["state", "buyers", "units", "tipping_point", "cap", "opens_at", "closes_at"];

/// Whether a `SET` list assigns this column.
fn sets(list: &str, column: &str) -> bool {
    list.match_indices(&format!("{column} = ")).any(|(at, _)| {
        let before = list[..at].chars().next_back();
        before.is_none_or(char::is_whitespace)
    })
}

/// The `SET` list of each `UPDATE deals` in a file.
fn updates(text: &str) -> Vec<&str> {
    let statements = text.split("UPDATE deals").skip(1);
    statements
        .filter_map(|rest| {
            let list = rest.split_once("SET ")?.1;
            Some(["WHERE ", "FROM "].iter().fold(list, |list, end| list.split(end).next().unwrap_or(list)))
        })
        .collect()
}

fn files_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

#[test]
fn every_write_of_what_admission_reads_raises_rev_and_sets_changed_at() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut checked = 0;
    for path in ["sql/functions", "src"].iter().flat_map(|folder| files_below(&root.join(folder))) {
        let text = fs::read_to_string(&path).unwrap();
        for list in updates(&text) {
            let written: Vec<_> = READ.into_iter().filter(|column| sets(list, column)).collect();
            if !written.is_empty() {
                checked += 1;
                let is_visible = sets(list, "rev") && sets(list, "changed_at");
                assert!(is_visible, "{} writes {written:?} without rev or changed_at: {list}", path.display());
            }
        }
    }
    assert!(checked >= 9, "only {checked} writers were found");
}
