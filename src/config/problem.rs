//! Configuration problems, each with the path of its key.

use std::fmt;

/// One problem with the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// The path of the key, such as `server.bind`, or of a file that could not be read.
    pub path: String,
    /// The problem and its remedy. Completes a sentence that begins with the path.
    pub message: String,
}

/// All problems of a configuration. Never empty when returned as an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigProblems(Vec<ConfigProblem>);

impl ConfigProblems {
    /// The problems, in the order in which they were found.
    #[must_use]
    pub fn as_slice(&self) -> &[ConfigProblem] {
        &self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes the problems whose path matches.
    pub(super) fn ignore(&mut self, matches: impl Fn(&str) -> bool) {
        self.0.retain(|problem| !matches(&problem.path));
    }

    pub(super) fn add(&mut self, path: &str, message: impl Into<String>) {
        self.0.push(ConfigProblem { path: path.to_owned(), message: message.into() });
    }

    /// Adds a problem if the condition does not hold.
    pub(super) fn require(&mut self, holds: bool, path: &str, message: &str) {
        // An unreadable value has already been reported and replaced by its default.
        if !holds && !self.0.iter().any(|known| known.path == path) {
            self.add(path, message);
        }
    }
}

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("invalid configuration:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {}: {}", problem.path, problem.message))
    }
}

impl std::error::Error for ConfigProblems {}
