//! One server process: how it is started, told things, and how it ends.
//!
//! It runs in a process group of its own, so that Ctrl-C reaches only this process, which then drains before it stops its
//! servers. It ends with this process by one of two means: util-linux's `setpriv` asks the kernel for a signal; where there
//! is none (macOS), a shell waits at the end of a pipe that only this process holds open.

use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::error::{ServersError, io};
use super::identity::Identity;
use super::keeper;

/// Becomes the server, after leaving a shell behind that signals it when the pipe at descriptor 0 ends without a word.
/// The outer parentheses make that shell nobody's child: Postgres takes unknown children for crashed backends.
const WATCHDOG: &str = r#"
exec 3<&0
signal=$1
shift
( { read -r _ <&3 || { kill -CONT $$; kill "$signal" $$; }; } >/dev/null 2>&1 & )
exec 3<&-
exec "$@" </dev/null
"#;

const POLL: Duration = Duration::from_millis(5);

/// What to start.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) folder: PathBuf,
    pub(super) log: PathBuf,
    /// All that it is told by its environment; none: it inherits this process'.
    pub(super) environment: Option<Vec<(String, String)>>,
    /// What it is told when this process is gone.
    pub(super) when_orphaned: Signal,
}

/// A signal, by the name that `kill` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Interrupt,
    #[cfg(any(debug_assertions, feature = "failpoints"))]
    Terminate,
    #[cfg(any(debug_assertions, feature = "failpoints"))]
    Kill,
    Quit,
    Stop,
    Continue,
}

impl Signal {
    fn name(self) -> &'static str {
        match self {
            Self::Interrupt => "-INT",
            #[cfg(any(debug_assertions, feature = "failpoints"))]
            Self::Terminate => "-TERM",
            #[cfg(any(debug_assertions, feature = "failpoints"))]
            Self::Kill => "-KILL",
            Self::Quit => "-QUIT",
            Self::Stop => "-STOP",
            Self::Continue => "-CONT",
        }
    }
}

/// A started process that has not been reaped: so its id cannot be anybody else's.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
}

impl Process {
    pub(super) async fn start(recipe: &Recipe, identity: &Identity) -> Result<Self, ServersError> {
        let log = open_log(&recipe.log)?;
        let errors = log.try_clone().map_err(io("opening", &recipe.log))?;
        let mut command = wrapped(&recipe.program, recipe.when_orphaned, identity);
        if let Some(environment) = &recipe.environment {
            command.env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
        }
        command.args(&recipe.arguments).current_dir(&recipe.folder).stdout(log).stderr(errors).process_group(0);
        let child = keeper::spawn(command).await.map_err(io("starting", &recipe.program))?;
        Ok(Self { child })
    }

    pub(super) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn signal(&self, signal: Signal) {
        if !tell(&self.pid().to_string(), signal.name()) {
            tracing::debug!(?signal, "a server was gone before it was told");
        }
    }

    /// The same for its children, too: each connection to Postgres is a process of its own, and goes on without it.
    pub(super) fn signal_all(&self, signal: Signal) {
        // First, so that it makes no more of them.
        self.signal(signal);
        let children = children(self.pid());
        let told = Command::new("sh").args(["-c", "kill \"$@\"", "sh", signal.name()]).args(&children).output();
        // Some may have ended by now.
        if !told.is_ok_and(|output| output.status.success()) {
            tracing::debug!(?signal, children = children.len(), "not every child could be told");
        }
    }

    /// `kill -9`.
    pub(super) fn kill(&mut self) {
        if let Err(error) = self.child.kill() {
            tracing::debug!(%error, "a server was gone before it was killed");
        }
    }

    /// Waits for the end; false if that takes too long.
    pub(super) async fn ended_within(&mut self, patience: Duration) -> bool {
        let since = Instant::now();
        while self.is_running() {
            if since.elapsed() >= patience {
                return false;
            }
            tokio::time::sleep(POLL).await;
        }
        self.call_off_watchdog();
        true
    }

    /// The same for destructors, which cannot wait in any other way.
    #[expect(clippy::disallowed_methods, reason = "a destructor cannot await")]
    pub(super) fn block_until_ended(&mut self, patience: Duration) -> bool {
        let since = Instant::now();
        while self.is_running() {
            if since.elapsed() >= patience {
                return false;
            }
            std::thread::sleep(POLL);
        }
        self.call_off_watchdog();
        true
    }

    /// A word on the pipe: the process is gone, and its id may soon be another's.
    fn call_off_watchdog(&mut self) {
        if let Some(mut pipe) = self.child.stdin.take()
            && let Err(error) = pipe.write_all(b"done\n")
        {
            tracing::debug!(%error, "the watchdog is gone already");
        }
    }
}

/// The ids of a process' children.
fn children(pid: u32) -> Vec<String> {
    let listed = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).or_else(|_| {
        // Where the kernel does not say (macOS).
        let listed = Command::new("pgrep").args(["-P", &pid.to_string()]).output()?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&listed.stdout).into_owned())
    });
    listed.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

/// Sends a signal (`-0` only asks whether the process is there); false if there is none such. The shell's own `kill`,
/// because the program of that name is not everywhere.
pub(super) fn tell(pid: &str, signal: &str) -> bool {
    let sent = Command::new("sh").args(["-c", "kill \"$1\" \"$2\"", "sh", signal, pid]).output();
    sent.is_ok_and(|output| output.status.success())
}

/// A helper program that ends by itself, run as the servers' user.
pub(super) fn helper(program: &Path, identity: &Identity) -> tokio::process::Command {
    let mut command = Command::new(program);
    if let (Some(setpriv), Some(_)) = (&identity.setpriv, &identity.other) {
        command = with_setpriv(setpriv, identity);
        command.arg(program);
    }
    without_environment_of_others(&mut command);
    let mut command = tokio::process::Command::from(command);
    command.kill_on_drop(true).stdin(Stdio::null());
    command
}

/// The program, so wrapped that it ends with this process and does not run as root.
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
    without_environment_of_others(&mut command);
    command
}

fn with_setpriv(setpriv: &Path, identity: &Identity) -> Command {
    let mut command = Command::new(setpriv);
    if let Some(user) = &identity.other {
        command.args([format!("--reuid={}", user.uid), format!("--regid={}", user.gid), "--clear-groups".to_owned()]);
    }
    command
}

/// `PGHOST`, `PGDATA` and the like are meant for the user's own servers.
pub(super) fn without_environment_of_others(command: &mut Command) {
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

    const PATIENCE: Duration = Duration::from_secs(20);

    async fn start_watched(folder: &Path) -> Process {
        let recipe = Recipe {
            program: "sh".into(),
            arguments: ["-c", "echo running; exec sleep 1000"].map(str::to_owned).into(),
            folder: folder.to_owned(),
            log: folder.join("log"),
            environment: None,
            when_orphaned: Signal::Interrupt,
        };
        let without_setpriv = Identity { uid: 0, other: None, setpriv: None };
        let process = Process::start(&recipe, &without_setpriv).await.unwrap();
        // Until then its watchdog may not be there.
        let mut looks = tokio::time::interval(POLL);
        while !std::fs::read_to_string(&recipe.log).unwrap().contains("running") {
            looks.tick().await;
        }
        process
    }

    #[tokio::test]
    async fn the_watchdog_ends_a_server_whose_parent_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let mut process = start_watched(folder.path()).await;
        process.signal(Signal::Stop);
        // The end of the parent closes the pipe.
        drop(process.child.stdin.take());
        assert!(process.ended_within(PATIENCE).await, "also one that was paused");
    }
}
