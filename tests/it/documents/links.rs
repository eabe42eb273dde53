//! Links between documents and from documents to code.

use std::fs;

use super::documents;
use super::markdown::{anchors, links};
use crate::architecture::root;

#[test]
fn every_link_leads_to_an_existing_file_and_heading() {
    let (mut checked, mut wrong) = (0, Vec::new());
    for document in documents() {
        let document_path = root().join(&document.path);
        for link in links(&document.text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target =
                if file.is_empty() { document_path.clone() } else { document_path.parent().unwrap().join(file) };
            checked += 1;
            let exists = target.exists()
                && (anchor.is_empty() || anchors(&fs::read_to_string(&target).unwrap_or_default()).contains(anchor));
            if !exists {
                wrong.push(format!("{}: the file or heading of {link} does not exist", document.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(checked > 100, "only {checked} links were found");
}
