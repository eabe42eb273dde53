//! Entity tags of deals.
//!
//! `"v3-1-42"` means version 3 of the texts, and epoch 1, rev 42 of the figures. For reads (`If-None-Match`) the whole
//! tag counts. For writes (`If-Match`) only the version of the texts counts: the figures of a busy deal change many
//! times a second, and no write overwrites them.

use crate::domain::Deal;

/// The versions that an `If-Match` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Versions {
    /// `*`: every version.
    Any,
    /// These versions of the texts.
    These(Vec<i64>),
}

impl Versions {
    /// Whether the header names this version of the texts.
    #[must_use]
    pub fn include(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::These(versions) => versions.contains(&version),
        }
    }
}

/// The tag of a deal's current version.
#[must_use]
pub fn of(deal: &Deal) -> String {
    let (epoch, rev) = deal.progress.version();
    format!("\"v{}-{epoch}-{rev}\"", deal.version)
}

/// Parses an `If-Match` header. A well-formed tag of another kind matches nothing; a malformed tag makes the header
/// invalid.
#[must_use]
pub fn parse_versions(header: &str) -> Option<Versions> {
    if header.trim() == "*" {
        return Some(Versions::Any);
    }
    let mut versions = Vec::new();
    for tag in header.split(',').map(str::trim) {
        // A weak tag is well-formed but never matches in an `If-Match` (RFC 9110, section 13.1.1).
        let (tag, weak) = tag.strip_prefix("W/").map_or((tag, false), |tag| (tag, true));
        let inner = tag.strip_prefix('"')?.strip_suffix('"')?;
        versions.extend(version(inner).filter(|_| !weak));
    }
    Some(Versions::These(versions))
}

fn version(tag: &str) -> Option<i64> {
    let mut parts = tag.strip_prefix('v')?.split('-');
    let version = parts.next()?.parse().ok()?;
    let figures: Vec<i64> = parts.map(str::parse).collect::<Result<_, _>>().ok()?;
    (figures.len() == 2).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_a_version_of_the_texts() {
        assert_eq!(parse_versions("\"v3-1-42\""), Some(Versions::These(vec![3])));
        assert_eq!(parse_versions("\"v3-1-42\", \"v4-1-42\""), Some(Versions::These(vec![3, 4])));
        assert_eq!(parse_versions(" * "), Some(Versions::Any));
    }

    #[test]
    fn foreign_and_weak_tags_match_nothing() {
        for tag in ["\"v3\"", "\"abc\"", "W/\"v3-1-42\"", "\"\"", "\"v3-1-x\""] {
            assert_eq!(parse_versions(tag), Some(Versions::These(vec![])), "{tag}");
        }
    }

    #[test]
    fn a_malformed_tag_is_rejected() {
        for header in ["", "v3-1-42", "\"v3-1-42", "3"] {
            assert_eq!(parse_versions(header), None, "{header}");
        }
    }
}
