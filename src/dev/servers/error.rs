//! Errors of starting servers. Each message names the remedy or shows the log.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// An error while starting or changing a server.
#[derive(Debug, thiserror::Error)]
pub enum ServersError {
    /// Programs are not installed. The error lists all of them.
    #[error("{}", missing(.0))]
    Missing(Vec<MissingProgram>),
    /// Another process owns the data folder.
    #[error("{} is in use by another muster process: stop it, or choose another folder with --data", .0.display())]
    InUse(PathBuf),
    /// The process runs as root and cannot start the servers as another user.
    #[error("{0}")]
    NoOtherUser(String),
    /// A system call failed.
    #[error("{doing}: {source}")]
    Io {
        /// The action and the path, such as "opening /tmp/log".
        doing: String,
        /// The error of the system call.
        source: io::Error,
    },
    /// A helper program such as initdb failed.
    #[error("{program} failed:\n{output}")]
    Helper {
        /// The path of the program.
        program: String,
        /// The program's standard output and standard error.
        output: String,
    },
    /// A server ended, or did not answer in time.
    #[error("{name} {what}. The log {} ends with:\n{tail}", .log.display())]
    Failed {
        /// The name of the server.
        name: &'static str,
        /// What happened. Completes a sentence that begins with the name.
        what: &'static str,
        /// The server's log file.
        log: PathBuf,
        /// The last lines of the log.
        tail: String,
    },
    /// The caller asked for a server that the options left out.
    #[error("{name} was not started")]
    NotStarted {
        /// The name of the server.
        name: &'static str,
    },
}

/// A program that is not installed, and the packages that contain it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingProgram {
    /// Name of the program.
    pub program: &'static str,
    /// Debian package.
    pub apt: &'static str,
    /// Homebrew formula.
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
    format!("{names} not found. Install with `make setup`, or run: {install}")
}

/// Wraps an I/O error in [`ServersError::Io`] with the action and the path.
pub(super) fn io(doing: &str, path: &Path) -> impl FnOnce(io::Error) -> ServersError {
    let doing = format!("{doing} {}", path.display());
    move |source| ServersError::Io { doing, source }
}
