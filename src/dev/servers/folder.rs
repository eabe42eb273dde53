//! The data folder and its one owner.

use std::fs::{File, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::Place;
use super::error::{ServersError, io};
use super::identity::Identity;

/// The longest path of a Unix socket, and the longest name of a socket in the folder.
const SOCKET_PATH_BYTES: usize = if cfg!(target_os = "linux") { 107 } else { 103 };
const SOCKET_NAME: &str = super::postgres::SOCKET;

const LOCK_NAME: &str = "lock";

/// Tells the temporary folders of one process apart.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// A data folder that belongs to this process until it is dropped.
#[derive(Debug)]
pub(super) struct DataFolder {
    path: PathBuf,
    sockets: PathBuf,
    is_temporary: bool,
    // The lock ends with the file, and so with the process: also after `kill -9`.
    _lock: File,
}

impl DataFolder {
    pub(super) fn open(place: &Place, identity: &Identity) -> Result<Self, ServersError> {
        match place {
            Place::Folder(path) => {
                std::fs::create_dir_all(path).map_err(io("making", path))?;
                let path = path.canonicalize().map_err(io("opening", path))?;
                let lock = lock(&path)?.ok_or_else(|| ServersError::InUse(path.clone()))?;
                Self::prepare(path, lock, false, identity)
            }
            Place::Temporary => {
                let all = open_temporary_root(identity)?;
                // Whoever makes or removes a temporary folder holds this lock.
                let _guard = wait_for_lock(&all)?;
                remove_orphans(&all);
                let path = all.join(format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
                std::fs::create_dir(&path).map_err(io("making", &path))?;
                let lock = lock(&path)?.ok_or_else(|| ServersError::InUse(path.clone()))?;
                Self::prepare(path, lock, true, identity)
            }
        }
    }

    fn prepare(path: PathBuf, lock: File, is_temporary: bool, identity: &Identity) -> Result<Self, ServersError> {
        let logs = path.join("log");
        std::fs::create_dir_all(&logs).map_err(io("making", &logs))?;
        let sockets = sockets_folder(&path, identity)?;
        identity.give_folder(&sockets)?;
        Ok(Self { path, sockets, is_temporary, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the sockets are: short enough for their paths.
    pub(super) fn sockets(&self) -> &Path {
        &self.sockets
    }

    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.path.join("log").join(format!("{name}.log"))
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        let is_outside = !self.sockets.starts_with(&self.path);
        let unwanted = [(is_outside, &self.sockets), (self.is_temporary, &self.path)];
        for (_, path) in unwanted.into_iter().filter(|(is_unwanted, _)| *is_unwanted) {
            if let Err(error) = std::fs::remove_dir_all(path) {
                tracing::debug!(path = %path.display(), %error, "a temporary folder stays until the next start");
            }
        }
    }
}

/// In the data folder if the path is short enough, else in the temporary directory under a name of the path's hash.
fn sockets_folder(data: &Path, identity: &Identity) -> Result<PathBuf, ServersError> {
    let inside = data.join("run");
    if inside.join(SOCKET_NAME).as_os_str().len() <= SOCKET_PATH_BYTES {
        return Ok(inside);
    }
    let mut hasher = DefaultHasher::new();
    data.hash(&mut hasher);
    Ok(open_temporary_root(identity)?.join(format!("run-{:016x}", hasher.finish())))
}

/// The folder of all temporary folders of this user.
fn open_temporary_root(identity: &Identity) -> Result<PathBuf, ServersError> {
    let path = std::env::temp_dir().join(format!("muster-{}", identity.uid));
    std::fs::DirBuilder::new().recursive(true).mode(0o711).create(&path).map_err(io("making", &path))?;
    // The temporary directory is everybody's: do not put data where somebody else made a folder or a link.
    let found = std::fs::symlink_metadata(&path).map_err(io("looking at", &path))?;
    if !found.is_dir() || found.uid() != identity.uid {
        let source = std::io::Error::other("it belongs to somebody else");
        return Err(ServersError::Io { doing: format!("using {}", path.display()), source });
    }
    Ok(path)
}

/// Removes temporary folders whose owner was killed.
fn remove_orphans(all: &Path) {
    let Ok(entries) = all.read_dir() else { return };
    for folder in entries.flatten().map(|entry| entry.path()).filter(|path| path.join(LOCK_NAME).is_file()) {
        if let Ok(Some(_lock)) = lock(&folder)
            && let Err(error) = std::fs::remove_dir_all(&folder)
        {
            tracing::debug!(path = %folder.display(), %error, "an orphaned folder could not be removed");
        }
    }
}

fn lock_file(folder: &Path) -> Result<(File, PathBuf), ServersError> {
    let path = folder.join(LOCK_NAME);
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(io("opening", &path))?;
    Ok((file, path))
}

/// The lock of a folder, or nothing if another has it.
fn lock(folder: &Path) -> Result<Option<File>, ServersError> {
    let (file, path) = lock_file(folder)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(io("locking", &path)(source)),
    }
}

fn wait_for_lock(folder: &Path) -> Result<File, ServersError> {
    let (file, path) = lock_file(folder)?;
    file.lock().map_err(io("locking", &path))?;
    Ok(file)
}

/// A path as it stands in a URL.
pub(super) fn in_url(path: &Path) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte);
    let encoded = |byte: &u8| if is_plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") };
    path.display().to_string().as_bytes().iter().map(encoded).collect()
}
