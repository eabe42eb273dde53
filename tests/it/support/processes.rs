//! Child processes that exit with their test, and processes as `/proc` shows them.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

const SETPRIV: &str = "/usr/bin/setpriv";

/// A command whose process gets this signal (`KILL`, `TERM`) when the thread that started it ends, even if the test is
/// killed.
///
/// Without `setpriv`, only a test that ends normally stops the process.
pub fn with_death_signal(program: impl AsRef<OsStr>, signal: &str) -> Command {
    if !Path::new(SETPRIV).exists() {
        return Command::new(program);
    }
    let mut command = Command::new(SETPRIV);
    command.arg("--pdeathsig").arg(signal).arg(program);
    command
}

/// The children of a process, with their names.
pub fn children(parent: u32) -> Vec<(u32, String)> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| {
        let (name, state, its_parent) = stat(pid)?;
        (its_parent == parent && state != "Z").then_some((pid, name))
    })
    .collect()
}

/// The state of a process: `T` if it is stopped, `Z` if it is a zombie, `None` if it does not exist.
pub fn state(pid: u32) -> Option<String> {
    Some(stat(pid)?.1)
}

/// Whether the process exists and is not a zombie.
pub fn is_running(pid: u32) -> bool {
    stat(pid).is_some_and(|(_, state, _)| state != "Z")
}

/// The name of a process, its state and its parent.
fn stat(pid: u32) -> Option<(String, String, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (before, after) = stat.rsplit_once(") ")?;
    let mut fields = after.split(' ');
    let (state, parent) = (fields.next()?.to_owned(), fields.next()?.parse().ok()?);
    Some((before.split_once('(')?.1.to_owned(), state, parent))
}
