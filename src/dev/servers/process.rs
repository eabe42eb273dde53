//! One server process: starting it, sending it signals, and waiting for its end.
//!
//! The process runs in its own process group, so that Ctrl-C reaches only this process, which drains before it stops
//! the servers. When this process ends, the server is signalled in one of two ways: `setpriv` from util-linux sets the
//! kernel's parent-death signal; without it (macOS), a watchdog shell waits for the end of a pipe that only this
//! process holds open.

use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::error::{ServersError, io};
use super::identity::Identity;
use super::spawner;

/// Starts the watchdog in the background, then executes the server. The watchdog signals the server when the pipe at
/// descriptor 0 closes before a line was written to it. The outer parentheses detach the watchdog from the server:
/// Postgres would take an unknown child process for a crashed backend.
const WATCHDOG: &str = r#"
exec 3<&0
signal=$1
shift
( { read -r _ <&3 || { kill -CONT $$; kill "$signal" $$; }; } >/dev/null 2>&1 & )
exec 3<&-
exec "$@" </dev/null
"#;

const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// How to start a process.
#[derive(Clone, Debug)]
pub(super) struct ProcessSpec {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) folder: PathBuf,
    pub(super) log: PathBuf,
    /// The complete environment. `None` inherits the environment of this process.
    pub(super) environment: Option<Vec<(String, String)>>,
    /// The signal that the new process gets when this process ends.
    pub(super) when_orphaned: Signal,
}

/// A signal that the `kill` command can send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Interrupt,
    Terminate,
    Kill,
    Quit,
    Stop,
    Continue,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "-INT",
            Self::Terminate => "-TERM",
            Self::Kill => "-KILL",
            Self::Quit => "-QUIT",
            Self::Stop => "-STOP",
            Self::Continue => "-CONT",
        }
    }
}

/// A child process that has not been reaped, so its process id cannot be reused.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
}

impl Process {
    pub(super) async fn start(spec: &ProcessSpec, identity: &Identity) -> Result<Self, ServersError> {
        let log = open_log(&spec.log)?;
        let errors = log.try_clone().map_err(io("opening", &spec.log))?;
        let mut command = wrapped(&spec.program, spec.when_orphaned, identity);
        if let Some(environment) = &spec.environment {
            command.env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
        }
        command.args(&spec.arguments).current_dir(&spec.folder).stdout(log).stderr(errors).process_group(0);
        let child = spawner::spawn(command).await.map_err(io("starting", &spec.program))?;
        Ok(Self { child })
    }

    pub(super) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn signal(&self, signal: Signal) {
        if !send_signal(&self.pid().to_string(), signal.name()) {
            tracing::debug!(?signal, "cannot signal a server that has ended");
        }
    }

    /// Signals the process and its children. Each connection to Postgres is a child process, which outlives a pause of
    /// its parent.
    pub(super) fn signal_all(&self, signal: Signal) {
        // The parent comes first, so that it does not fork more children.
        self.signal(signal);
        let children = children(self.pid());
        let sent = Command::new("sh").args(["-c", "kill \"$@\"", "sh", signal.name()]).args(&children).output();
        // Some children may have ended in the meantime.
        if !sent.is_ok_and(|output| output.status.success()) {
            tracing::debug!(?signal, children = children.len(), "cannot signal every child process");
        }
    }

    /// `kill -9`.
    pub(super) fn kill(&mut self) {
        if let Err(error) = self.child.kill() {
            tracing::debug!(%error, "cannot kill a server that has ended");
        }
    }

    /// Waits until the process has ended. Returns false on timeout.
    pub(super) async fn ended_within(&mut self, timeout: Duration) -> bool {
        let since = Instant::now();
        while self.is_running() {
            if since.elapsed() >= timeout {
                return false;
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        self.disarm_watchdog();
        true
    }

    /// Like [`Process::ended_within`], but blocks the thread.
    #[expect(clippy::disallowed_methods, reason = "a destructor cannot await")]
    pub(super) fn block_until_ended(&mut self, timeout: Duration) -> bool {
        let since = Instant::now();
        while self.is_running() {
            if since.elapsed() >= timeout {
                return false;
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        self.disarm_watchdog();
        true
    }

    /// Ends the watchdog by writing to its pipe. The process id may be reused from now on.
    fn disarm_watchdog(&mut self) {
        if let Some(mut pipe) = self.child.stdin.take()
            && let Err(error) = pipe.write_all(b"done\n")
        {
            tracing::debug!(%error, "the watchdog has already ended");
        }
    }
}

/// The process ids of the direct children.
fn children(pid: u32) -> Vec<String> {
    let listed = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).or_else(|_| {
        // Without /proc, as on macOS.
        let listed = Command::new("pgrep").args(["-P", &pid.to_string()]).output()?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&listed.stdout).into_owned())
    });
    listed.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

/// Sends a signal and returns whether the process exists. `-0` only checks. Uses the `kill` that is built into the
/// shell, because the program is not installed everywhere.
pub(super) fn send_signal(pid: &str, signal: &str) -> bool {
    let sent = Command::new("sh").args(["-c", "kill \"$1\" \"$2\"", "sh", signal, pid]).output();
    sent.is_ok_and(|output| output.status.success())
}

/// The command of a short-lived helper program, run as the servers' user.
pub(super) fn helper(program: &Path, identity: &Identity) -> tokio::process::Command {
    let mut command = Command::new(program);
    if let (Some(setpriv), Some(_)) = (&identity.setpriv, &identity.other) {
        command = with_setpriv(setpriv, identity);
        command.arg(program);
    }
    clear_pg_environment(&mut command);
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true).stdin(Stdio::null());
    command
}

/// The command of a server, wrapped so that it ends with this process and does not run as root.
fn wrapped(program: &Path, when_orphaned: Signal, identity: &Identity) -> Command {
    let mut command = if let Some(setpriv) = &identity.setpriv {
        let mut command = with_setpriv(setpriv, identity);
        let signal = when_orphaned.name().trim_start_matches('-');
        command.arg(format!("--pdeathsig={signal}")).stdin(Stdio::null());
        command
    } else {
        let mut command = Command::new("sh");
        command.args(["-c", WATCHDOG, "sh", when_orphaned.name()]).stdin(Stdio::piped());
        command
    };
    command.arg(program);
    clear_pg_environment(&mut command);
    command
}

fn with_setpriv(setpriv: &Path, identity: &Identity) -> Command {
    let mut command = Command::new(setpriv);
    if let Some(user) = &identity.other {
        command.args([format!("--reuid={}", user.uid), format!("--regid={}", user.gid), "--clear-groups".to_owned()]);
    }
    command
}

/// Removes `PGHOST`, `PGDATA` and the like, which point to the user's own servers.
pub(super) fn clear_pg_environment(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("PG")) {
            command.env_remove(name);
        }
    }
}

fn open_log(path: &Path) -> Result<File, ServersError> {
    File::options().create(true).append(true).open(path).map_err(io("opening", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(20);

    async fn start_watched(folder: &Path) -> Process {
        let spec = ProcessSpec {
            program: "sh".into(),
            arguments: ["-c", "echo running; exec sleep 1000"].map(str::to_owned).into(),
            folder: folder.to_owned(),
            log: folder.join("log"),
            environment: None,
            // Not SIGINT: it is ignored by everything that a shell without job control starts in the background.
            when_orphaned: Signal::Terminate,
        };
        let without_setpriv = Identity { uid: 0, other: None, setpriv: None };
        let process = Process::start(&spec, &without_setpriv).await.unwrap();
        // The server's output shows that the watchdog has been started before it.
        let mut ticks = tokio::time::interval(POLL_INTERVAL);
        while !std::fs::read_to_string(&spec.log).unwrap().contains("running") {
            ticks.tick().await;
        }
        process
    }

    #[tokio::test]
    async fn the_watchdog_ends_a_server_whose_parent_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = start_watched(folder.path()).await;
        process.signal(Signal::Stop);
        // Closes the pipe, as the end of the parent process would.
        drop(process.child.stdin.take());
        assert!(process.ended_within(TIMEOUT).await, "the watchdog ends a paused server");
    }
}
