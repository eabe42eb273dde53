//! Creates and starts the private Postgres.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{ServersError, io};
use super::folder::{DataFolder, in_url};
use super::identity::Identity;
use super::probe::Probe;
use super::process::{ProcessSpec, Signal, helper};
use super::programs::PostgresPrograms;
use super::psql::{self, PORT, USER};
use super::server::Server;

/// The locale with UTF-8 character classification.
const LC_CTYPE: &str = if cfg!(target_os = "macos") { "UTF-8" } else { "C.UTF-8" };

#[derive(Debug)]
pub(super) struct Postgres {
    pub(super) server: Server,
    pub(super) programs: PostgresPrograms,
    pub(super) sockets: PathBuf,
}

impl Postgres {
    /// The URL of a database. It names the port because clients would otherwise read it from `PGPORT`.
    pub(super) fn url(&self, database: &str) -> String {
        let host = in_url(&self.sockets);
        format!("postgres:///{database}?host={host}&port={PORT}&user={USER}")
    }

    /// Runs one statement and waits until it has completed.
    pub(super) async fn run(&self, statement: &str) -> Result<(), ServersError> {
        let psql = self.programs.program("psql");
        let mut command = psql::command(&psql, &self.sockets, "postgres");
        run_to_success(&psql, command.args(["-v", "ON_ERROR_STOP=1", "-c", statement])).await
    }

    pub(super) async fn ensure_database(&self, name: &str) -> Result<(), ServersError> {
        let psql = self.programs.program("psql");
        let mut query = psql::command(&psql, &self.sockets, name);
        let found = query.args(["-c", "SELECT 1"]).output().await.map_err(io("running", &psql))?;
        if found.status.success() {
            return Ok(());
        }
        let createdb = self.programs.program("createdb");
        let mut command = tokio::process::Command::new(&createdb);
        command.arg("-h").arg(&self.sockets).args(["-p", PORT, "-U", USER, name]);
        run_to_success(&createdb, &mut command).await
    }
}

/// Runs initdb if there is no data folder for this version of Postgres. Returns whether it did.
pub(super) async fn initialise(
    programs: &PostgresPrograms,
    folder: &DataFolder,
    identity: &Identity,
) -> Result<bool, ServersError> {
    let data = data_folder(programs, folder);
    if data.exists() {
        return Ok(false);
    }
    // Renamed when complete, because initdb may be killed half-way.
    let unfinished = data.with_extension("unfinished");
    if unfinished.exists() {
        std::fs::remove_dir_all(&unfinished).map_err(io("removing", &unfinished))?;
    }
    identity.give_folder(&unfinished)?;
    let initdb = programs.program("initdb");
    let mut command = helper(&initdb, identity);
    command.args(["--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync", "--username", USER]);
    command.arg(format!("--lc-ctype={LC_CTYPE}")).arg("--pgdata").arg(&unfinished).current_dir(&unfinished);
    run_to_success(&initdb, &mut command).await?;
    std::fs::rename(&unfinished, &data).map_err(io("renaming", &unfinished))?;
    Ok(true)
}

pub(super) async fn start(
    programs: &PostgresPrograms,
    folder: &Arc<DataFolder>,
    identity: &Arc<Identity>,
    durable: bool,
) -> Result<Postgres, ServersError> {
    let paths = Paths {
        data: data_folder(programs, folder),
        sockets: folder.sockets().to_owned(),
        log: folder.log("postgres"),
    };
    start_at(paths, programs, folder, identity, durable).await
}

/// The files of one Postgres server.
pub(super) struct Paths {
    pub(super) data: PathBuf,
    pub(super) sockets: PathBuf,
    pub(super) log: PathBuf,
}

pub(super) async fn start_at(
    Paths { data, sockets, log }: Paths,
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
        // Commits still reach the kernel before they are acknowledged, so they survive a crash of Postgres.
        settings.extend(["fsync=off".to_owned(), "full_page_writes=off".to_owned()]);
    }
    let mut arguments = vec!["-D".to_owned(), data.display().to_string(), "-p".to_owned(), PORT.to_owned()];
    arguments.extend(settings.into_iter().flat_map(|setting| ["-c".to_owned(), setting]));
    let mut server = Server {
        name: "Postgres",
        spec: ProcessSpec {
            program: programs.program("postgres"),
            arguments,
            folder: data,
            log,
            environment: None,
            when_orphaned: Signal::Interrupt,
        },
        probe: Probe::Postgres { psql: programs.program("psql"), sockets: sockets.clone() },
        fast_stop: (!durable).then_some(Signal::Quit),
        identity: Arc::clone(identity),
        folder: Arc::clone(folder),
        process: None,
    };
    server.start().await?;
    Ok(Postgres { server, programs: programs.clone(), sockets })
}

fn data_folder(programs: &PostgresPrograms, folder: &DataFolder) -> PathBuf {
    folder.path().join(format!("postgres-{}", programs.major_version()))
}

/// Runs a helper program. An unsuccessful exit is an error with the program's output.
pub(super) async fn run_to_success(program: &Path, command: &mut tokio::process::Command) -> Result<(), ServersError> {
    let output = command.output().await.map_err(io("running", program))?;
    if output.status.success() {
        return Ok(());
    }
    let printed = [output.stdout, output.stderr].concat();
    let program = program.display().to_string();
    Err(ServersError::Helper { program, output: String::from_utf8_lossy(&printed).trim_end().to_owned() })
}
