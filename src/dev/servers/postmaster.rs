//! Postgres' lock file, `postmaster.pid`.

use std::path::Path;

use super::process::send_signal;

/// Whether `postmaster.pid` names a process that still exists, so that Postgres would refuse to start.
///
/// In a container without an init process, a killed Postgres stays a zombie and would block the data folder for ever.
/// In that case this function replaces the process id in the file by one that no process can have. The file itself must
/// stay: it also names the shared memory segment by which Postgres detects orphaned backends.
pub(super) fn has_predecessor(data: &Path) -> bool {
    let path = data.join("postmaster.pid");
    let Ok(text) = std::fs::read_to_string(&path) else { return false };
    let (pid, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let status = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    // "123 (postgres) Z 1 …"
    let is_zombie = status.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('Z'));
    if is_zombie && let Err(error) = std::fs::write(&path, format!("{}\n{rest}", i32::MAX)) {
        tracing::debug!(%error, "cannot replace the zombie's process id in postmaster.pid");
    }
    is_zombie || send_signal(pid.trim(), "-0")
}
