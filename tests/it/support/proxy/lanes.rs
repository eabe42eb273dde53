//! A proxy between a node and Postgres that cuts connections of lanes at the two critical moments: before a batch
//! arrives, and after it is committed but not yet answered.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use crate::support::servers::Backend;

/// First bytes of messages of the Postgres protocol.
const BIND: u8 = b'B';
const BIND_COMPLETE: u8 = b'2';

pub struct LaneProxy {
    pub url: String,
    cuts: Arc<Cuts>,
    _folder: TempDir,
}

#[derive(Default)]
struct Cuts {
    calls: AtomicUsize,
    replies: AtomicUsize,
}

impl LaneProxy {
    pub fn before(backend: &Backend) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (path, query) = backend.database_url.split_once('?').unwrap();
        let host = query.split('&').find_map(|pair| pair.strip_prefix("host=")).unwrap();
        let to = PathBuf::from(host).join(".s.PGSQL.5432");
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let cuts = Arc::new(Cuts::default());
        let url = format!("{path}?{}", query.replace(host, &folder.path().display().to_string()));
        let with_cuts = Arc::clone(&cuts);
        tokio::spawn(async move {
            while let Ok((node, _)) = listener.accept().await {
                tokio::spawn(relay(node, to.clone(), Arc::clone(&with_cuts)));
            }
        });
        Self { url, cuts, _folder: folder }
    }

    /// The next calls of lanes do not reach Postgres.
    pub fn cut_calls(&self, count: usize) {
        self.cuts.calls.store(count, Ordering::SeqCst);
    }

    /// Drops the replies to the next `count` calls of lanes, which Postgres still commits.
    pub fn cut_replies(&self, count: usize) {
        self.cuts.replies.store(count, Ordering::SeqCst);
    }

    /// Whether all requested cuts have happened.
    pub fn is_done(&self) -> bool {
        self.cuts.calls.load(Ordering::SeqCst) == 0 && self.cuts.replies.load(Ordering::SeqCst) == 0
    }
}

/// Takes one of the remaining cuts, if there is one.
fn take(cuts: &AtomicUsize) -> bool {
    cuts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

/// Copies bytes until either side closes, or until a cut. Closes both connections.
async fn relay(mut node: UnixStream, to: PathBuf, cuts: Arc<Cuts>) {
    let Ok(mut postgres) = UnixStream::connect(to).await else { return };
    let (mut from_node, mut from_postgres) = (vec![0; 256 * 1024], vec![0; 256 * 1024]);
    let mut is_lane = false;
    loop {
        tokio::select! {
            read = node.read(&mut from_node) => {
                let Ok(length @ 1..) = read else { return };
                let request = &from_node[..length];
                is_lane |= contains(request, b"FROM commit_signups(") || contains(request, b"FROM commit_leaves(");
                if is_lane && request[0] == BIND && take(&cuts.calls) {
                    return;
                }
                if postgres.write_all(request).await.is_err() {
                    return;
                }
            }
            read = postgres.read(&mut from_postgres) => {
                let Ok(length @ 1..) = read else { return };
                let reply = &from_postgres[..length];
                // Postgres commits before it sends any of the reply.
                if is_lane && reply[0] == BIND_COMPLETE && take(&cuts.replies) {
                    return;
                }
                if node.write_all(reply).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
