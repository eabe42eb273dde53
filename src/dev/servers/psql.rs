//! Names of the private Postgres that its clients need, and the command line of `psql`.

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use super::process::clear_pg_environment;

/// The database superuser. It needs no password because only the servers' user can open the socket's folder.
pub(super) const USER: &str = "muster";
/// Part of the socket's file name. Postgres does not listen on the network.
pub(super) const PORT: &str = "5432";
/// The socket's file name.
pub(super) const SOCKET: &str = ".s.PGSQL.5432";

/// A `psql` that ignores the user's own configuration.
pub(super) fn command(psql: &Path, sockets: &Path, database: &str) -> Command {
    let mut command = std::process::Command::new(psql);
    clear_pg_environment(&mut command);
    command.args(["-X", "-q", "-t", "-A", "-U", USER, "-p", PORT, "-d", database]);
    command.arg("-h").arg(sockets).stdin(Stdio::null());
    let mut command = Command::from(command);
    command.kill_on_drop(true);
    command
}
