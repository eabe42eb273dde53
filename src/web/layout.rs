//! What surrounds every page.

use chrono::{DateTime, SecondsFormat, Utc};

use crate::domain::Role;

/// Who is looking, as far as the layout must know.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// Shown in the navigation.
    pub name: String,
    /// Whether the merchant's links are shown rather than the buyer's.
    pub is_merchant: bool,
}

impl Viewer {
    /// The viewer of this name and role.
    #[must_use]
    pub fn new(name: impl Into<String>, role: Role) -> Self {
        Self { name: name.into(), is_merchant: role == Role::Merchant }
    }
}

/// What the layout needs.
#[derive(Clone, Debug)]
pub struct Shell {
    /// Nobody: not signed in.
    pub viewer: Option<Viewer>,
    /// What forms carry, so that only our own pages can send them; nobody has one before there is a session.
    pub form_token: Option<String>,
    /// The server's time, for the countdowns.
    pub server_time: String,
    path: String,
}

impl Shell {
    /// The surroundings of the page at `path`.
    #[must_use]
    pub fn new(viewer: Option<Viewer>, form_token: Option<String>, path: &str, now: DateTime<Utc>) -> Self {
        let server_time = now.to_rfc3339_opts(SecondsFormat::Millis, true);
        Self { viewer, form_token, server_time, path: path.to_owned() }
    }

    /// The surroundings of an error page: made of nothing, so that nothing can be missing.
    #[must_use]
    pub fn bare() -> Self {
        Self { viewer: None, form_token: None, server_time: String::new(), path: String::new() }
    }

    pub(in crate::web) fn is_at(&self, path: &str) -> bool {
        self.path == path
    }
}

/// Something that a page says to its reader about what just happened.
#[derive(Clone, Debug)]
pub struct Said {
    /// `success`, `tension` or `problem`.
    pub tone: &'static str,
    /// The icon's name.
    pub sign: &'static str,
    /// What happened.
    pub title: String,
    /// What to do now.
    pub advice: String,
}

impl Said {
    /// Good news.
    #[must_use]
    pub fn success(title: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { tone: "success", sign: "check", title: title.into(), advice: advice.into() }
    }

    /// News that may change.
    #[must_use]
    pub fn tension(title: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { tone: "tension", sign: "clock", title: title.into(), advice: advice.into() }
    }

    /// Bad news.
    #[must_use]
    pub fn problem(title: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { tone: "problem", sign: "alert", title: title.into(), advice: advice.into() }
    }
}
