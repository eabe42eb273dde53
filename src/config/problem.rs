//! What is wrong with a configuration: every problem, each with the path of its key.

use std::fmt;

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// The key, such as `server.bind`; or the file that could not be read.
    pub path: String,
    /// What is wrong and what to do, as the end of a sentence that begins with the path.
    pub message: String,
}

/// All problems of a configuration; never empty when it is returned as an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigProblems(Vec<ConfigProblem>);

impl ConfigProblems {
    /// The problems in the order of the sections.
    #[must_use]
    pub fn as_slice(&self) -> &[ConfigProblem] {
        &self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, path: &str, message: impl Into<String>) {
        self.0.push(ConfigProblem { path: path.to_owned(), message: message.into() });
    }

    /// Adds a problem unless what must hold does.
    pub(super) fn require(&mut self, holds: bool, path: &str, message: &str) {
        // A value that could not be read was replaced by its default, and has been reported already.
        if !holds && !self.0.iter().any(|known| known.path == path) {
            self.add(path, message);
        }
    }
}

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used:")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {}: {}", problem.path, problem.message))
    }
}

impl std::error::Error for ConfigProblems {}
