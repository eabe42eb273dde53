//! A way from a node to a server that can be slow, cut, or led to another server: as after a failover, when the same address
//! is another machine.

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
use crate::support::servers::Home;

const POSTGRES_SOCKET: &str = ".s.PGSQL.5432";

/// Ends with the test: its tasks are of the test's runtime.
pub struct Wire {
    /// The server's address, by way of this.
    pub url: String,
    state: watch::Sender<State>,
    doubled: Arc<AtomicUsize>,
    _folder: TempDir,
}

#[derive(Clone)]
struct State {
    /// The socket of the server.
    to: PathBuf,
    replies_take: Duration,
    is_cut: bool,
    runs_scripts_twice: bool,
    /// Another one: connections that began before end.
    number: u64,
}

impl Wire {
    /// To the Redis of a test.
    pub fn to_redis(home: &Home) -> Self {
        let to = redis_socket(&home.redis_url);
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("redis.sock");
        Self::listen(folder, &socket, to, format!("redis+unix://{}?db=0", socket.display()))
    }

    /// To the Postgres of a test.
    pub fn to_postgres(home: &Home) -> Self {
        let (path, query) = home.database_url.split_once('?').unwrap();
        let host = query.split('&').find_map(|pair| pair.strip_prefix("host=")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let url = format!("{path}?{}", query.replace(host, &folder.path().display().to_string()));
        let socket = folder.path().join(POSTGRES_SOCKET);
        Self::listen(folder, &socket, PathBuf::from(host).join(POSTGRES_SOCKET), url)
    }

    fn listen(folder: TempDir, socket: &Path, to: PathBuf, url: String) -> Self {
        let begin = State { to, replies_take: Duration::ZERO, is_cut: false, runs_scripts_twice: false, number: 0 };
        let wire = Self { url, state: watch::Sender::new(begin), doubled: Arc::default(), _folder: folder };
        let listener = UnixListener::bind(socket).unwrap();
        let (state, doubled) = (wire.state.clone(), Arc::clone(&wire.doubled));
        tokio::spawn(async move {
            while let Ok((node, _)) = listener.accept().await {
                tokio::spawn(relay(node, state.subscribe(), Arc::clone(&doubled)));
            }
        });
        wire
    }

    /// The same over TCP, for a replica: it can be told nothing else. Answers the port.
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

    /// From now on each answer comes so much later.
    pub fn replies_take(&self, delay: Duration) {
        self.state.send_modify(|state| state.replies_take = delay);
    }

    /// Ends all connections, and takes no new ones.
    pub fn cut(&self) {
        self.change(|state| state.is_cut = true);
    }

    /// Takes connections again.
    pub fn mend(&self) {
        self.change(|state| state.is_cut = false);
    }

    /// Ends all connections; new ones come to this Redis.
    pub fn lead_to_redis(&self, url: &str) {
        self.change(|state| state.to = redis_socket(url));
    }

    /// From now on every script is executed twice each time it is called.
    pub fn run_scripts_twice(&self) {
        self.change(|state| state.runs_scripts_twice = true);
    }

    /// How many calls were executed twice.
    pub fn doubled(&self) -> usize {
        self.doubled.load(Ordering::SeqCst)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        self.state.send_modify(|state| {
            state.number += 1;
            change(state);
        });
    }
}

fn redis_socket(url: &str) -> PathBuf {
    url.strip_prefix("redis+unix://").unwrap().split('?').next().unwrap().into()
}

/// Ends when either side does, or when the way is cut or led elsewhere: then both connections are dropped.
async fn relay(node: impl AsyncRead + AsyncWrite, mut changes: watch::Receiver<State>, doubled: Arc<AtomicUsize>) {
    let now = changes.borrow().clone();
    if now.is_cut {
        return;
    }
    let Ok(server) = UnixStream::connect(&now.to).await else { return };
    let ((node_says, to_node), (server_says, to_server)) = (tokio::io::split(node), server.into_split());
    let asked = async {
        if now.runs_scripts_twice {
            twice::carry(node_says, to_server, &now.to, &doubled).await;
        } else {
            carry(node_says, to_server, || Duration::ZERO).await;
        }
    };
    let delays = changes.clone();
    tokio::select! {
        () = asked => {}
        () = carry(server_says, to_node, || delays.borrow().replies_take) => {}
        _ = changes.wait_for(|state| state.number != now.number) => {}
    }
}

/// Carries what one side says to the other, each piece so much later.
async fn carry(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, takes: impl Fn() -> Duration) {
    let (arrived, mut due) = mpsc::channel::<(Instant, Vec<u8>)>(4_096);
    let reading = async {
        let mut bytes = vec![0; 256 * 1024];
        while let Ok(length @ 1..) = from.read(&mut bytes).await {
            if arrived.send((Instant::now() + takes(), bytes[..length].to_vec())).await.is_err() {
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
