//! Raises the limit of open files. Each browser takes two: its connection and the duplicated descriptor that can shut
//! it down.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit to the hard limit. Shells and services often start with a soft limit of 1,024.
pub(super) fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }) {
        Ok(()) => tracing::debug!(before = limit.current, now = limit.maximum, "raised the limit of open files"),
        Err(error) => tracing::warn!(%error, open_max = limit.current, "cannot raise the limit of open files"),
    }
}
