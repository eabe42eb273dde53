//! As whom the servers run.
//!
//! Postgres refuses to run as root. So when started as root, the servers become `postgres`, or else `nobody`, and their
//! data belongs to that user.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::error::{ServersError, io};
use super::programs::Programs;

/// Who the servers are, and what wraps their start.
#[derive(Debug)]
pub(super) struct Identity {
    /// The user id of this process.
    pub(super) uid: u32,
    /// Whom they become, if not who this process is.
    pub(super) other: Option<User>,
    /// util-linux's `setpriv`, which becomes another user and asks for the parent-death signal.
    pub(super) setpriv: Option<PathBuf>,
}

/// Another user.
#[derive(Debug)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Identity {
    pub(super) async fn of_servers(programs: &Programs) -> Result<Self, ServersError> {
        let setpriv = programs.setpriv.clone();
        let uid = id(&["-u"]).await?.unwrap_or(u32::MAX);
        if uid != 0 {
            return Ok(Self { uid, other: None, setpriv });
        }
        if setpriv.is_none() {
            let message = "Postgres does not run as root, and setpriv (of util-linux) is not there to become another user; \
                           start muster as another user";
            return Err(ServersError::NoOtherUser(message.to_owned()));
        }
        for name in ["postgres", "nobody"] {
            if let (Some(uid), Some(gid)) = (id(&["-u", name]).await?, id(&["-g", name]).await?) {
                return Ok(Self { uid: 0, other: Some(User { uid, gid }), setpriv });
            }
        }
        let message = "Postgres does not run as root, and there is neither a user postgres nor a user nobody";
        Err(ServersError::NoOtherUser(message.to_owned()))
    }

    /// Makes a folder that only the servers can use.
    pub(super) fn give_folder(&self, path: &Path) -> Result<(), ServersError> {
        use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};

        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io("making", path))?;
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(path, private).map_err(io("closing to others", path))?;
        if let Some(user) = &self.other {
            chown(path, Some(user.uid), Some(user.gid)).map_err(io("giving to the servers' user", path))?;
        }
        Ok(())
    }
}

/// What the program `id` says, or nothing if it does not know the name.
async fn id(arguments: &[&str]) -> Result<Option<u32>, ServersError> {
    let output = Command::new("id").args(arguments).output().await.map_err(io("running", Path::new("id")))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse().ok())
}
