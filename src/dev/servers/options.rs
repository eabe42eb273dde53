//! Options for starting servers.

use std::path::PathBuf;
use std::time::Duration;

use super::programs::Search;

/// Where the servers keep their data.
#[derive(Clone, Debug)]
pub enum Place {
    /// A folder that is kept.
    Folder(PathBuf),
    /// A folder in the system's temporary directory. It is removed on drop, or by the next process that creates such a
    /// folder if this process was killed.
    Temporary,
}

/// Which servers to start, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the servers keep their data.
    pub place: Place,
    /// Whether Postgres flushes each commit, so that acknowledged joins survive a crash of the machine. They always
    /// survive a crash of the server process.
    pub durable: bool,
    /// Whether to start Postgres.
    pub postgres: bool,
    /// Whether to start Redis.
    pub redis: bool,
    /// Where to look for the server programs.
    pub search: Search,
    /// Called after each step with a line of text and the time that the step took.
    pub report: fn(&str, Duration),
}

impl Options {
    /// Both servers, durable, with data in this folder.
    #[must_use]
    pub fn persistent(folder: impl Into<PathBuf>) -> Self {
        Self { place: Place::Folder(folder.into()), durable: true, ..Self::temporary() }
    }

    /// Both servers in a temporary folder, fast rather than durable.
    #[must_use]
    pub fn temporary() -> Self {
        Self {
            place: Place::Temporary,
            durable: false,
            postgres: true,
            redis: true,
            search: Search::of_system(),
            report: |_, _| {},
        }
    }
}
