//! How many files this process may have open: each browser takes two, its connection and the handle to cut it.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Takes all that the process may have. Shells and services begin with far less (often 1,024), for programs that cannot
/// handle more.
pub(super) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        Ok(()) => tracing::debug!(before = limit.current, now = limit.maximum, "more files may be open"),
        Err(error) => tracing::warn!(%error, open_max = limit.current, "no more files may be open than before"),
    }
}
