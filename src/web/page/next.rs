//! The `next` parameter of the sign-in pages: the path to return to after signing in.

use serde::Deserialize;

/// The untrusted `next` parameter.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Next {
    next: String,
}

impl Next {
    /// Wraps the value that a form submitted.
    #[must_use]
    pub fn new(next: String) -> Self {
        Self { next }
    }

    /// The path, if it is local to this site; this prevents open redirects. Browsers treat a backslash as a slash, and
    /// `//` as the start of another host.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        let path = self.next.as_str();
        let is_local = path.starts_with('/')
            && !path.starts_with("//")
            && !path.contains('\\')
            && path.len() <= 500
            && path.chars().all(|c| c.is_ascii_graphic());
        is_local.then_some(path)
    }
}

/// `path`, with `next` as its parameter unless `next` is empty.
#[must_use]
pub fn with_next(path: &str, next: &str) -> String {
    match serde_urlencoded::to_string([("next", next)]) {
        Ok(query) if !next.is_empty() => format!("{path}?{query}"),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_paths_are_followed() {
        let is_followed = |next: &str| Next::new(next.to_owned()).path().is_some();
        assert!(is_followed("/deals/0197f3b0-5c1e-7c3a-9d2b-1f0a6e4c8b5d?x=1#join"));
        for elsewhere in
            ["", "https://evil.example", "//evil.example", "/\\evil.example", "deals", "/a\r\nb: c", "javascript:x"]
        {
            assert!(!is_followed(elsewhere), "{elsewhere}");
        }
    }
}
