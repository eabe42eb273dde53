//! The private Postgres.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{ServersError, io};
use super::folder::{DataFolder, in_url};
use super::identity::Identity;
use super::probe::{Probe, psql_command};
use super::process::{Recipe, Signal, helper, tell};
use super::programs::PostgresPrograms;
use super::server::Server;

/// The database's owner. The socket's folder is closed to everybody else, so it needs no password.
pub(super) const USER: &str = "muster";
/// Part of the socket's name; nothing listens on the network.
pub(super) const PORT: &str = "5432";
pub(super) const SOCKET: &str = ".s.PGSQL.5432";

/// Character classification in UTF-8; the names differ by system.
const LC_CTYPE: &str = if cfg!(target_os = "macos") { "UTF-8" } else { "C.UTF-8" };

/// A running Postgres.
#[derive(Debug)]
pub(super) struct Postgres {
    pub(super) server: Server,
    pub(super) programs: PostgresPrograms,
    pub(super) sockets: PathBuf,
}

impl Postgres {
    /// The port stands in the URL, because clients would else take it from `PGPORT`.
    pub(super) fn url(&self, database: &str) -> String {
        let host = in_url(&self.sockets);
        format!("postgres:///{database}?host={host}&port={PORT}&user={USER}")
    }

    /// Runs one statement, and waits for its end.
    pub(super) async fn run(&self, statement: &str) -> Result<(), ServersError> {
        let psql = self.programs.program("psql");
        let mut command = psql_command(&psql, &self.sockets, "postgres");
        succeed(&psql, command.args(["-v", "ON_ERROR_STOP=1", "-c", statement])).await
    }

    pub(super) async fn ensure_database(&self, name: &str) -> Result<(), ServersError> {
        let psql = self.programs.program("psql");
        let mut query = psql_command(&psql, &self.sockets, name);
        let found = query.args(["-c", "SELECT 1"]).output().await.map_err(io("running", &psql))?;
        if found.status.success() {
            return Ok(());
        }
        let createdb = self.programs.program("createdb");
        let mut command = tokio::process::Command::new(&createdb);
        command.arg("-h").arg(&self.sockets).args(["-p", PORT, "-U", USER, name]);
        succeed(&createdb, &mut command).await
    }
}

/// Makes the data folder unless it is there; says whether it did.
pub(super) async fn initialise(
    programs: &PostgresPrograms,
    folder: &DataFolder,
    identity: &Identity,
) -> Result<bool, ServersError> {
    let data = data_folder(programs, folder);
    if data.exists() {
        return Ok(false);
    }
    // Renamed when it is whole: initdb may be killed in the middle.
    let unfinished = data.with_extension("unfinished");
    if unfinished.exists() {
        std::fs::remove_dir_all(&unfinished).map_err(io("removing", &unfinished))?;
    }
    identity.give_folder(&unfinished)?;
    let initdb = programs.program("initdb");
    let mut command = helper(&initdb, identity);
    command.args(["--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "--username", USER]);
    command.arg(format!("--lc-ctype={LC_CTYPE}")).arg("--pgdata").arg(&unfinished).current_dir(&unfinished);
    succeed(&initdb, &mut command).await?;
    std::fs::rename(&unfinished, &data).map_err(io("naming", &data))?;
    Ok(true)
}

pub(super) async fn start(
    programs: &PostgresPrograms,
    folder: &Arc<DataFolder>,
    identity: &Arc<Identity>,
    durable: bool,
) -> Result<Postgres, ServersError> {
    let at =
        At { data: data_folder(programs, folder), sockets: folder.sockets().to_owned(), log: folder.log("postgres") };
    start_at(at, programs, folder, identity, durable).await
}

/// Where a server's files are.
pub(super) struct At {
    pub(super) data: PathBuf,
    pub(super) sockets: PathBuf,
    pub(super) log: PathBuf,
}

pub(super) async fn start_at(
    At { data, sockets, log }: At,
    programs: &PostgresPrograms,
    folder: &Arc<DataFolder>,
    identity: &Arc<Identity>,
    durable: bool,
) -> Result<Postgres, ServersError> {
    let mut settings = vec![
        "listen_addresses=".to_owned(),
        format!("unix_socket_directories=\"{}\"", sockets.display()),
        "max_connections=300".to_owned(),
        "shared_buffers=128MB".to_owned(),
        "timezone=UTC".to_owned(),
        "log_timezone=UTC".to_owned(),
        "log_checkpoints=off".to_owned(),
    ];
    if !durable {
        // Commits still reach the system before they are acknowledged: only the machine may not crash.
        settings.extend(["fsync=off".to_owned(), "full_page_writes=off".to_owned()]);
    }
    let mut arguments = vec!["-D".to_owned(), data.display().to_string(), "-p".to_owned(), PORT.to_owned()];
    arguments.extend(settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]));
    let mut server = Server {
        name: "Postgres",
        recipe: Recipe {
            program: programs.program("postgres"),
            arguments,
            folder: data,
            log,
            environment: None,
            when_orphaned: Signal::Interrupt,
        },
        probe: Probe::Postgres { psql: programs.program("psql"), sockets: sockets.clone() },
        hurry: (!durable).then_some(Signal::Quit),
        identity: Arc::clone(identity),
        folder: Arc::clone(folder),
        process: None,
    };
    server.start().await?;
    Ok(Postgres { server, programs: programs.clone(), sockets })
}

/// Whether `postmaster.pid` names a process that still has the data. A zombie that nobody reaps would have it for ever
/// (containers often have no init): its id is replaced by one that no process can have. The file stays, because it also
/// names the shared memory in which Postgres looks for orphaned backends.
pub(super) fn has_predecessor(data: &Path) -> bool {
    let path = data.join("postmaster.pid");
    let Ok(text) = std::fs::read_to_string(&path) else { return false };
    let (pid, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let status = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    // "123 (postgres) Z 1 …"
    let is_zombie = status.rsplit_once(") ").is_some_and(|(_, state)| state.starts_with('Z'));
    if is_zombie && let Err(error) = std::fs::write(&path, format!("{}\n{rest}", i32::MAX)) {
        tracing::debug!(%error, "postmaster.pid names a zombie and cannot be changed");
    }
    is_zombie || tell(pid.trim(), "-0")
}

fn data_folder(programs: &PostgresPrograms, folder: &DataFolder) -> PathBuf {
    folder.path().join(format!("postgres-{}", programs.major_version()))
}

pub(super) async fn succeed(program: &Path, command: &mut tokio::process::Command) -> Result<(), ServersError> {
    let output = command.output().await.map_err(io("running", program))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let program = program.display().to_string();
    Err(ServersError::Helper { program, output: String::from_utf8_lossy(&said).trim_end().to_owned() })
}
