//! The user that the servers run as.
//!
//! Postgres refuses to run as root. If this process runs as root, the servers run as `postgres`, or as `nobody` if
//! there is no such user, and that user owns their data.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::error::{ServersError, io};
use super::programs::Programs;

/// The servers' user, and the program that switches to it.
#[derive(Debug)]
pub(super) struct Identity {
    /// The user id of this process.
    pub(super) uid: u32,
    /// The servers' user, if it is not the user of this process.
    pub(super) other: Option<User>,
    /// Path of `setpriv` from util-linux, which switches users and sets the parent-death signal.
    pub(super) setpriv: Option<PathBuf>,
}

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
            let message = "Postgres does not run as root, and setpriv is needed to run it as another user; \
                           install util-linux, or run muster as another user";
            return Err(ServersError::NoOtherUser(message.to_owned()));
        }
        for name in ["postgres", "nobody"] {
            if let (Some(uid), Some(gid)) = (id(&["-u", name]).await?, id(&["-g", name]).await?) {
                return Ok(Self { uid: 0, other: Some(User { uid, gid }), setpriv });
            }
        }
        let message = "Postgres does not run as root, and there is neither a user postgres nor a user nobody; \
                       run muster as another user";
        Err(ServersError::NoOtherUser(message.to_owned()))
    }

    /// Creates a folder that only the servers' user can access.
    pub(super) fn give_folder(&self, path: &Path) -> Result<(), ServersError> {
        use std::os::unix::fs::{DirBuilderExt, PermissionsExt, chown};

        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io("creating", path))?;
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(path, private).map_err(io("changing the permissions of", path))?;
        if let Some(user) = &self.other {
            chown(path, Some(user.uid), Some(user.gid)).map_err(io("changing the owner of", path))?;
        }
        Ok(())
    }
}

/// Runs `id` with these arguments. Returns `None` if it does not print a number, as for an unknown user.
async fn id(arguments: &[&str]) -> Result<Option<u32>, ServersError> {
    let output = Command::new("id").args(arguments).output().await.map_err(io("running", Path::new("id")))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse().ok())
}
