//! What can be in the way of starting servers. Each message says what to do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why servers could not be started.
#[derive(Debug, thiserror::Error)]
pub enum ServersError {
    /// Programs that are not installed: all of them.
    #[error("{}", missing(.0))]
    Missing(Vec<MissingProgram>),
    /// Another process has the data folder.
    #[error("{} is used by another muster: end that one, or choose another folder with --data", .0.display())]
    InUse(PathBuf),
    /// Started as root, and there is no way to become another user.
    #[error("{0}")]
    NoOtherUser(String),
    /// A file or program could not be used.
    #[error("{doing}: {source}")]
    Io {
        /// What was tried, with the path.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// A helper such as initdb said no.
    #[error("{program} failed:\n{output}")]
    Helper {
        /// Its name.
        program: String,
        /// What it printed.
        output: String,
    },
    /// A server ended, or did not answer in time.
    #[error("{name} {what}; its log is {}, and ends with:\n{tail}", .log.display())]
    Failed {
        /// Which server.
        name: &'static str,
        /// What happened.
        what: &'static str,
        /// Where it logs.
        log: PathBuf,
        /// The last lines of that.
        tail: String,
    },
    /// A server was asked for that was not started.
    #[error("{name} was not started")]
    NotStarted {
        /// Which server.
        name: &'static str,
    },
}

/// A program that is not installed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingProgram {
    /// Its name.
    pub program: &'static str,
    /// The Debian package that has it.
    pub apt: &'static str,
    /// The Homebrew formula that has it.
    pub brew: &'static str,
}

impl fmt::Display for MissingProgram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program)
    }
}

fn missing(programs: &[MissingProgram]) -> String {
    let list = |of: fn(&MissingProgram) -> &'static str, between: &str| {
        let mut names: Vec<_> = programs.iter().map(of).collect();
        names.dedup();
        names.join(between)
    };
    let install = if cfg!(target_os = "macos") {
        format!("brew install {}", list(|program| program.brew, " "))
    } else {
        format!("apt-get install {}", list(|program| program.apt, " "))
    };
    let names = list(|program| program.program, " and ");
    format!("{names} not found. Install with `make setup`, or by hand with: {install}")
}

/// Names what was tried, for [`ServersError::Io`].
pub(super) fn io(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> ServersError {
    let doing = format!("{doing} {}", path.display());
    move |source| ServersError::Io { doing, source }
}
