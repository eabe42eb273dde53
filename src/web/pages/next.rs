//! Where signing in leads: back to the page that asked for it.

use serde::Deserialize;

/// A path of ours, carried through the sign-in pages.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Next {
    next: String,
}

impl Next {
    /// Whatever a form carried.
    #[must_use]
    pub fn new(next: String) -> Self {
        Self { next }
    }

    /// The path, or nothing where it is not one of ours: nobody is sent to another site from here. Browsers take a backslash
    /// for a slash, and `//` for another host.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        let path = self.next.as_str();
        let ours = path.starts_with('/')
            && !path.starts_with("//")
            && !path.contains('\\')
            && path.len() <= 500
            && path.chars().all(|c| c.is_ascii_graphic());
        ours.then_some(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_ours_are_followed() {
        let followed = |next: &str| Next::new(next.to_owned()).path().is_some();
        assert!(followed("/deals/0197f3b0-5c1e-7c3a-9d2b-1f0a6e4c8b5d?x=1#join"));
        for elsewhere in
            ["", "https://evil.example", "//evil.example", "/\\evil.example", "deals", "/a\r\nb: c", "javascript:x"]
        {
            assert!(!followed(elsewhere), "{elsewhere}");
        }
    }
}
