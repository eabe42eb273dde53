//! Links between documents and from documents to code.

use std::fs;

use super::documents;
use super::markdown::{anchors, links};
use crate::architecture::root;

#[test]
fn every_link_leads_to_an_existing_file_and_heading() {
    let mut wrong = Vec::new();
    for document in documents() {
        let here = root().join(&document.path);
        for link in links(&document.text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { here.clone() } else { here.parent().unwrap().join(file) };
            let leads_there = target.exists()
                && (anchor.is_empty() || anchors(&fs::read_to_string(&target).unwrap_or_default()).contains(anchor));
            if !leads_there {
                wrong.push(format!("{} links to {link}", document.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
