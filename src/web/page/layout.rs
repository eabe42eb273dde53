//! The layout that surrounds every page: navigation, header and footer.

use chrono::{DateTime, SecondsFormat, Utc};

use crate::people::Identity;

/// The signed-in visitor, as the navigation shows them.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// The account's name.
    pub name: String,
    /// Whether to show the links for a merchant's staff, before the buyer's.
    pub is_staff: bool,
}

impl From<&Identity> for Viewer {
    fn from(identity: &Identity) -> Self {
        Self { name: identity.name.to_string(), is_staff: !identity.staff_of.is_empty() }
    }
}

/// The values that `layout.html` needs. Every page's view model has one.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The signed-in visitor; none if nobody is signed in.
    pub viewer: Option<Viewer>,
    /// The CSRF token for the page's forms. Visitors without a session have none.
    pub csrf_token: Option<String>,
    /// The server's time (RFC 3339), from which the scripts run the countdowns.
    pub server_time: String,
    path: String,
}

impl Layout {
    /// The layout of the page at `path`.
    #[must_use]
    pub fn new(viewer: Option<Viewer>, csrf_token: Option<String>, path: &str, now: DateTime<Utc>) -> Self {
        let server_time = now.to_rfc3339_opts(SecondsFormat::Millis, true);
        Self { viewer, csrf_token, server_time, path: path.to_owned() }
    }

    /// A layout without a visitor, for error pages that must render without any lookup.
    #[must_use]
    pub fn bare() -> Self {
        Self { viewer: None, csrf_token: None, server_time: String::new(), path: String::new() }
    }

    /// Whether this is the page at `path`, for marking the current link.
    pub(crate) fn is_at(&self, path: &str) -> bool {
        self.path == path
    }
}
