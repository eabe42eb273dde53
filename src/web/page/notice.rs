//! Notices: a message to the reader, with a title and advice.

/// A notice about what just happened, at the top of a page or section.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The colour: `success`, `tension` or `problem`.
    pub tone: &'static str,
    /// The icon's id in `icons.svg`.
    pub icon: &'static str,
    /// What happened.
    pub title: String,
    /// What to do now.
    pub advice: String,
}

impl Notice {
    /// A notice of success.
    #[must_use]
    pub fn success(title: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { tone: "success", icon: "check", title: title.into(), advice: advice.into() }
    }

    /// A notice about something temporary.
    #[must_use]
    pub fn tension(title: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { tone: "tension", icon: "clock", title: title.into(), advice: advice.into() }
    }

    /// A notice of failure.
    #[must_use]
    pub fn problem(title: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { tone: "problem", icon: "alert", title: title.into(), advice: advice.into() }
    }
}
