//! The names of keys. Every key of a deal has the deal's id as its hash tag, and nothing spans two deals.

use crate::domain::{DealId, SignupId};

/// Part of the name of every key that the scripts of a deal read. Raise this number when the meaning of a stored field
/// changes.
///
/// It lets two versions of Muster run side by side. Each version has its own keys, and does not read or delete those of
/// the other. With shared names, each would delete the keys that the other had just loaded.
const SCHEMA_VERSION: u32 = 2;

/// A marker field in the hash of a deal's buyers. It is present if the hash has not been evicted since it was loaded.
pub(crate) const WHOLE: &str = "=whole";

/// The names of keys under one prefix.
#[derive(Clone, Debug)]
pub struct Keys {
    prefix: String,
}

impl Keys {
    /// Names under this prefix.
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    fn of(&self, deal: DealId, what: &str) -> String {
        format!("{}:{SCHEMA_VERSION}:{{{deal}}}:{what}", self.prefix)
    }

    /// Hash: the terms that admission needs, the figures, and the state of their loading.
    #[must_use]
    pub fn quota(&self, deal: DealId) -> String {
        self.of(deal, "quota")
    }

    /// Hash: buyer → "units rev", for everybody who ever had a signup; and `=whole`. If Redis evicts the key, both are
    /// lost.
    #[must_use]
    pub fn buyers(&self, deal: DealId) -> String {
        self.of(deal, "buyers")
    }

    /// Sorted set: signup → when its hold expires.
    #[must_use]
    pub fn holds(&self, deal: DealId) -> String {
        self.of(deal, "holds")
    }

    /// Hash: signup → "units new", and the sums of both.
    #[must_use]
    pub fn held(&self, deal: DealId) -> String {
        self.of(deal, "held")
    }

    /// Sorted set: ranges of versions that were applied beyond a gap.
    #[must_use]
    pub fn ranges(&self, deal: DealId) -> String {
        self.of(deal, "ranges")
    }

    /// String with a TTL: the cap to which the deal's cap is about to be raised.
    #[must_use]
    pub fn raising(&self, deal: DealId) -> String {
        self.of(deal, "raising")
    }

    /// Channel: the deal's live messages, which are the same in every schema version.
    #[must_use]
    pub fn channel(&self, deal: DealId) -> String {
        format!("{}:{{{deal}}}:live", self.prefix)
    }

    /// String: a shared rate limit, by its name and its subject.
    #[must_use]
    pub fn rate(&self, name: &str, who: &str) -> String {
        format!("{}:{{{name}:{who}}}:rate", self.prefix)
    }

    /// String: deal and buyer of a join that was answered 202, so that the signup's id alone finds it.
    #[must_use]
    pub fn pending(&self, signup: SignupId) -> String {
        format!("{}:{{{signup}}}:pending", self.prefix)
    }

    /// String: written by each new connection, to check that Redis accepts writes.
    #[must_use]
    pub fn probe(&self) -> String {
        format!("{}:{{probe}}:link", self.prefix)
    }

    /// Whether a key begins with the prefix.
    #[must_use]
    pub fn is_under_prefix(&self, key: &str) -> bool {
        key.strip_prefix(&self.prefix).is_some_and(|rest| rest.starts_with(':'))
    }

    /// Whether Muster may have created a key of this shape: the prefix, perhaps a schema version (any), a hash tag, and
    /// a known name. A new key's name must be added here.
    #[must_use]
    pub fn is_ours(&self, key: &str) -> bool {
        let after_prefix = key.strip_prefix(&self.prefix).and_then(|rest| rest.strip_prefix(':'));
        let after_version = after_prefix.map(|rest| match rest.split_once(':') {
            Some((version, rest)) if version.parse::<u32>().is_ok() => rest,
            _ => rest,
        });
        let parts = after_version.and_then(|rest| rest.strip_prefix('{')).and_then(|rest| rest.rsplit_once("}:"));
        parts.is_some_and(|(tag, what)| {
            !tag.is_empty()
                && matches!(
                    what,
                    "quota" | "buyers" | "holds" | "held" | "ranges" | "raising" | "rate" | "link" | "pending"
                )
        })
    }
}

/// Signups as script arguments.
pub(super) fn texts(signups: &[SignupId]) -> Vec<String> {
    signups.iter().map(ToString::to_string).collect()
}
