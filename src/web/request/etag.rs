//! Versions of deals as HTTP sees them.
//!
//! `"v3-1-42"`: version 3 of the texts, epoch 1, rev 42 of the figures. Whoever reads gets a new tag whenever anything
//! changed. Whoever writes is held to the version of the texts only: the figures of a deal that sells change ten times a second
//! by themselves, and nobody overwrites them.

use crate::domain::Deal;

/// The versions that an `If-Match` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Versions {
    /// `*`: whichever there is.
    Any,
    /// One of these versions of the texts.
    These(Vec<i64>),
}

impl Versions {
    /// Whether this version of the texts is among them.
    #[must_use]
    pub fn include(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::These(versions) => versions.contains(&version),
        }
    }
}

/// The tag of a deal as it is now.
#[must_use]
pub fn of(deal: &Deal) -> String {
    let (epoch, rev) = deal.progress.version();
    format!("\"v{}-{epoch}-{rev}\"", deal.version)
}

/// Reads an `If-Match`. Tags that are none of ours match nothing; what is no tag at all makes the header unreadable.
#[must_use]
pub fn parse_versions(header: &str) -> Option<Versions> {
    if header.trim() == "*" {
        return Some(Versions::Any);
    }
    let mut versions = Vec::new();
    for tag in header.split(',').map(str::trim) {
        // A weak tag never matches here (RFC 9110, 13.1.1), but it is a tag.
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
    fn the_version_of_the_texts_is_read_from_a_tag() {
        assert_eq!(parse_versions("\"v3-1-42\""), Some(Versions::These(vec![3])));
        assert_eq!(parse_versions("\"v3-1-42\", \"v4-1-42\""), Some(Versions::These(vec![3, 4])));
        assert_eq!(parse_versions(" * "), Some(Versions::Any));
    }

    #[test]
    fn strange_and_weak_tags_match_nothing() {
        for tag in ["\"v3\"", "\"abc\"", "W/\"v3-1-42\"", "\"\"", "\"v3-1-x\""] {
            assert_eq!(parse_versions(tag), Some(Versions::These(vec![])), "{tag}");
        }
    }

    #[test]
    fn what_is_no_tag_cannot_be_read() {
        for header in ["", "v3-1-42", "\"v3-1-42", "3"] {
            assert_eq!(parse_versions(header), None, "{header}");
        }
    }
}
