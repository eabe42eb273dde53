//! Starts the private Redis.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::ServersError;
use super::folder::{DataFolder, in_url};
use super::identity::Identity;
use super::probe::Probe;
use super::process::{ProcessSpec, Signal};
use super::server::Server;

/// The name of the main Redis, of its data folder and of its socket.
pub(super) const NAME: &str = "redis";

pub(super) fn url(folder: &DataFolder, name: &str) -> String {
    format!("redis+unix://{}?db=0", in_url(&socket(folder, name)))
}

pub(super) async fn start(
    program: &Path,
    folder: &Arc<DataFolder>,
    name: &str,
    identity: &Arc<Identity>,
    durable: bool,
) -> Result<Server, ServersError> {
    let data = folder.path().join(name);
    identity.give_folder(&data)?;
    let socket = socket(folder, name);
    let arguments = [
        ("--port", "0"),
        ("--unixsocket", &socket.display().to_string()),
        ("--unixsocketperm", "700"),
        ("--dir", &data.display().to_string()),
        ("--daemonize", "no"),
        ("--save", ""),
        ("--appendonly", "yes"),
        ("--appendfsync", if durable { "everysec" } else { "no" }),
        // Muster refuses to start with a Redis that may evict keys.
        ("--maxmemory-policy", "noeviction"),
        // A rush creates hundreds of holds per deal. Above these sizes lookups use a hash table instead of a linear
        // scan.
        ("--hash-max-listpack-entries", "64"),
        ("--zset-max-listpack-entries", "32"),
    ];
    let arguments = arguments.into_iter().flat_map(|(name, value)| [name.to_owned(), value.to_owned()]).collect();
    let mut server = Server {
        name: "Redis",
        spec: ProcessSpec {
            program: program.to_owned(),
            arguments,
            folder: data,
            log: folder.log(name),
            environment: None,
            when_orphaned: Signal::Interrupt,
        },
        probe: Probe::Redis { socket },
        fast_stop: None,
        identity: Arc::clone(identity),
        folder: Arc::clone(folder),
        process: None,
    };
    server.start().await?;
    Ok(server)
}

fn socket(folder: &DataFolder, name: &str) -> PathBuf {
    folder.sockets().join(format!("{name}.sock"))
}
