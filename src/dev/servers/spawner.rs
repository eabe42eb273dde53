//! A thread that spawns the servers and lives as long as this process.
//!
//! Linux sends the parent-death signal when the *thread* that spawned the child ends. Test threads and the threads of
//! Tokio's pool end earlier than the process.

use std::io;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::sync::mpsc;

use tokio::sync::oneshot;

struct Order {
    command: Command,
    reply: oneshot::Sender<io::Result<Child>>,
}

/// Spawns a child from the long-lived thread.
pub(super) async fn spawn(command: Command) -> io::Result<Child> {
    static ORDERS: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let orders = ORDERS.get_or_init(|| {
        let (orders, received) = mpsc::channel();
        let started = std::thread::Builder::new().name("server-spawner".to_owned()).spawn(move || serve(&received));
        if let Err(error) = started {
            tracing::error!(%error, "cannot start the thread that spawns servers");
        }
        orders
    });
    let gone = || io::Error::other("the thread that spawns servers has ended");
    let (reply, child) = oneshot::channel();
    orders.send(Order { command, reply }).map_err(|_| gone())?;
    child.await.map_err(|_| gone())?
}

fn serve(orders: &mpsc::Receiver<Order>) {
    while let Ok(mut order) = orders.recv() {
        if let Err(Ok(mut unwanted)) = order.reply.send(order.command.spawn()) {
            // The caller was cancelled while the child was being spawned.
            if let Err(error) = unwanted.kill().and_then(|()| unwanted.wait()) {
                tracing::debug!(%error, "cannot kill a server whose start was cancelled");
            }
        }
    }
}
