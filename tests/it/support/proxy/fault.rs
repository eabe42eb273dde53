//! A proxy between a node and a server. It can delay replies, cut connections, or redirect them to another server, as
//! after a failover that moves an address.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::twice;
use crate::support::servers::Backend;

const POSTGRES_SOCKET: &str = ".s.PGSQL.5432";

/// A running proxy. Its tasks run in the test's runtime, so it stops with the test.
pub struct FaultProxy {
    /// The URL of the server through this proxy.
    pub url: String,
    state: watch::Sender<State>,
    doubled: Arc<AtomicUsize>,
    _folder: TempDir,
}

#[derive(Clone)]
struct State {
    /// The socket of the server.
    to: PathBuf,
    delay_replies: Duration,
    is_cut: bool,
    runs_scripts_twice: bool,
    /// Raised by each change; connections of an older generation are closed.
    generation: u64,
}

impl FaultProxy {
    /// A proxy to the Redis of a test.
    pub fn to_redis(backend: &Backend) -> Self {
        let to = redis_socket(&backend.redis_url);
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("redis.sock");
        Self::listen(folder, &socket, to, format!("redis+unix://{}?db=0", socket.display()))
    }

    /// A proxy to the Postgres of a test.
    pub fn to_postgres(backend: &Backend) -> Self {
        let (path, query) = backend.database_url.split_once('?').unwrap();
        let host = query.split('&').find_map(|pair| pair.strip_prefix("host=")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let url = format!("{path}?{}", query.replace(host, &folder.path().display().to_string()));
        let socket = folder.path().join(POSTGRES_SOCKET);
        Self::listen(folder, &socket, PathBuf::from(host).join(POSTGRES_SOCKET), url)
    }

    fn listen(folder: TempDir, socket: &Path, to: PathBuf, url: String) -> Self {
        let begin =
            State { to, delay_replies: Duration::ZERO, is_cut: false, runs_scripts_twice: false, generation: 0 };
        let proxy = Self { url, state: watch::Sender::new(begin), doubled: Arc::default(), _folder: folder };
        let listener = UnixListener::bind(socket).unwrap();
        let (state, doubled) = (proxy.state.clone(), Arc::clone(&proxy.doubled));
        tokio::spawn(async move {
            while let Ok((node, _)) = listener.accept().await {
                tokio::spawn(relay(node, state.subscribe(), Arc::clone(&doubled)));
            }
        });
        proxy
    }

    /// Also listens on TCP, because a replica cannot connect to a Unix socket. Returns the port.
    pub async fn listen_on_loopback(&self) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (state, doubled) = (self.state.clone(), Arc::clone(&self.doubled));
        tokio::spawn(async move {
            while let Ok((node, _)) = listener.accept().await {
                tokio::spawn(relay(node, state.subscribe(), Arc::clone(&doubled)));
            }
        });
        port
    }

    /// Delays every reply from now on.
    pub fn delay_replies(&self, delay: Duration) {
        self.state.send_modify(|state| state.delay_replies = delay);
    }

    /// Closes all connections and accepts no new ones.
    pub fn cut(&self) {
        self.change(|state| state.is_cut = true);
    }

    /// Accepts connections again.
    pub fn restore(&self) {
        self.change(|state| state.is_cut = false);
    }

    /// Closes all connections and connects new ones to this Redis.
    pub fn redirect_to_redis(&self, url: &str) {
        self.change(|state| state.to = redis_socket(url));
    }

    /// Executes every script twice from now on.
    pub fn run_scripts_twice(&self) {
        self.change(|state| state.runs_scripts_twice = true);
    }

    /// The number of calls that were executed twice.
    pub fn scripts_run_twice(&self) -> usize {
        self.doubled.load(Ordering::SeqCst)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        self.state.send_modify(|state| {
            state.generation += 1;
            change(state);
        });
    }
}

fn redis_socket(url: &str) -> PathBuf {
    url.strip_prefix("redis+unix://").unwrap().split('?').next().unwrap().into()
}

/// Copies bytes until either side closes, or until the proxy is cut or redirected. Closes both connections.
async fn relay(node: impl AsyncRead + AsyncWrite, mut changes: watch::Receiver<State>, doubled: Arc<AtomicUsize>) {
    let now = changes.borrow().clone();
    if now.is_cut {
        return;
    }
    let Ok(server) = UnixStream::connect(&now.to).await else { return };
    let ((from_node, to_node), (from_server, to_server)) = (tokio::io::split(node), server.into_split());
    let requests = async {
        if now.runs_scripts_twice {
            twice::carry(from_node, to_server, &now.to, &doubled).await;
        } else {
            carry(from_node, to_server, || Duration::ZERO).await;
        }
    };
    let delays = changes.clone();
    tokio::select! {
        () = requests => {}
        () = carry(from_server, to_node, || delays.borrow().delay_replies) => {}
        _ = changes.wait_for(|state| state.generation != now.generation) => {}
    }
}

/// Copies bytes from one side to the other, each piece after a delay.
async fn carry(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, delay: impl Fn() -> Duration) {
    let (arrived, mut due) = mpsc::channel::<(Instant, Vec<u8>)>(4_096);
    let reading = async {
        let mut bytes = vec![0; 256 * 1024];
        while let Ok(length @ 1..) = from.read(&mut bytes).await {
            if arrived.send((Instant::now() + delay(), bytes[..length].to_vec())).await.is_err() {
                return;
            }
        }
    };
    let writing = async {
        while let Some((at, piece)) = due.recv().await {
            tokio::time::sleep_until(at).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = reading => {}
        () = writing => {}
    }
}
