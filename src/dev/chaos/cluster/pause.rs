//! Pauses processes with SIGSTOP.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// Stops the given processes and continues them when the pipe to this shell closes. The pipe also closes when this
/// process is killed, so that no process stays stopped.
const STOP_UNTIL_PIPE_CLOSES: &str = r#"
for pid in "$@"; do kill -STOP "$pid"; done 2>/dev/null
echo stopped
read -r _
for pid in "$@"; do kill -CONT "$pid"; done 2>/dev/null
"#;

/// Processes that are paused until this is dropped.
pub(in crate::dev::chaos) struct Pause(Child);

impl Pause {
    /// Pauses a process, and optionally its children. The children of Postgres serve its connections.
    pub(in crate::dev::chaos) fn of(pid: u32, with_children: bool) -> std::io::Result<Self> {
        let mut pids = vec![pid];
        if with_children {
            pids.extend(children(pid));
        }
        let mut shell = Command::new("sh");
        shell.args(["-c", STOP_UNTIL_PIPE_CLOSES, "sh"]).args(pids.iter().map(u32::to_string));
        let child = shell.stdin(Stdio::piped()).stdout(Stdio::null()).process_group(0).spawn()?;
        Ok(Self(child))
    }
}

impl Drop for Pause {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        if let Err(error) = self.0.wait() {
            tracing::warn!(%error, "paused processes may not have been resumed");
        }
    }
}

fn children(parent: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

/// Parses `/proc/PID/stat`, such as "123 (postgres) S 1 …".
fn parent_of(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    status.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}
