//! The data folder, and the lock that gives it one owner.

use std::fs::{File, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::error::{ServersError, io};
use super::identity::Identity;
use super::options::Place;
use super::psql;

/// The longest path that the kernel accepts for a Unix socket.
const SOCKET_PATH_BYTES: usize = if cfg!(target_os = "linux") { 107 } else { 103 };
/// The longest file name of the sockets in the folder.
const LONGEST_SOCKET_NAME: &str = psql::SOCKET;

const LOCK_NAME: &str = "lock";

/// Numbers the temporary folders of this process.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// A data folder that belongs to this process until it is dropped.
#[derive(Debug)]
pub(super) struct DataFolder {
    path: PathBuf,
    sockets: PathBuf,
    is_temporary: bool,
    // The kernel releases the lock when the file is closed, so it never outlives the process.
    _lock: File,
}

impl DataFolder {
    pub(super) fn open(place: &Place, identity: &Identity) -> Result<Self, ServersError> {
        match place {
            Place::Folder(path) => {
                std::fs::create_dir_all(path).map_err(io("creating", path))?;
                let path = path.canonicalize().map_err(io("opening", path))?;
                let lock = lock(&path)?.ok_or_else(|| ServersError::InUse(path.clone()))?;
                Self::prepare(path, lock, false, identity)
            }
            Place::Temporary => {
                let root = open_temporary_root(identity)?;
                // Serializes creating and removing temporary folders.
                let _guard = wait_for_lock(&root)?;
                remove_orphaned_folders(&root);
                let path = root.join(format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
                std::fs::create_dir(&path).map_err(io("creating", &path))?;
                let lock = lock(&path)?.ok_or_else(|| ServersError::InUse(path.clone()))?;
                Self::prepare(path, lock, true, identity)
            }
        }
    }

    fn prepare(path: PathBuf, lock: File, is_temporary: bool, identity: &Identity) -> Result<Self, ServersError> {
        let logs = path.join("log");
        std::fs::create_dir_all(&logs).map_err(io("creating", &logs))?;
        let sockets = sockets_folder(&path, identity)?;
        identity.give_folder(&sockets)?;
        Ok(Self { path, sockets, is_temporary, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of the sockets, whose path is short enough for the kernel.
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
                tracing::debug!(path = %path.display(), %error, "cannot remove a temporary folder; the next start will retry");
            }
        }
    }
}

/// A folder inside the data folder if the path is short enough, otherwise one in the temporary directory named by a
/// hash.
fn sockets_folder(data: &Path, identity: &Identity) -> Result<PathBuf, ServersError> {
    let inside = data.join("run");
    if inside.join(LONGEST_SOCKET_NAME).as_os_str().len() <= SOCKET_PATH_BYTES {
        return Ok(inside);
    }
    let mut hasher = DefaultHasher::new();
    data.hash(&mut hasher);
    Ok(open_temporary_root(identity)?.join(format!("run-{:016x}", hasher.finish())))
}

/// The parent of this user's temporary folders.
fn open_temporary_root(identity: &Identity) -> Result<PathBuf, ServersError> {
    let path = std::env::temp_dir().join(format!("muster-{}", identity.uid));
    std::fs::DirBuilder::new().recursive(true).mode(0o711).create(&path).map_err(io("creating", &path))?;
    // The temporary directory is world-writable: refuse a folder or a link that another user put there.
    let found = std::fs::symlink_metadata(&path).map_err(io("checking", &path))?;
    if !found.is_dir() || found.uid() != identity.uid {
        let source = std::io::Error::other("it belongs to another user");
        return Err(ServersError::Io { doing: format!("using {}", path.display()), source });
    }
    Ok(path)
}

/// Removes temporary folders whose owner was killed.
fn remove_orphaned_folders(root: &Path) {
    let Ok(entries) = root.read_dir() else { return };
    for folder in entries.flatten().map(|entry| entry.path()).filter(|path| path.join(LOCK_NAME).is_file()) {
        if let Ok(Some(_lock)) = lock(&folder)
            && let Err(error) = std::fs::remove_dir_all(&folder)
        {
            tracing::debug!(path = %folder.display(), %error, "cannot remove an orphaned folder");
        }
    }
}

fn lock_file(folder: &Path) -> Result<(File, PathBuf), ServersError> {
    let path = folder.join(LOCK_NAME);
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(io("opening", &path))?;
    Ok((file, path))
}

/// Tries to lock a folder. Returns `None` if another process holds the lock.
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

/// Percent-encodes a path for use in a URL.
pub(super) fn in_url(path: &Path) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte);
    let encoded = |byte: &u8| if is_plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") };
    path.display().to_string().as_bytes().iter().map(encoded).collect()
}
