//! The thread that starts the servers.
//!
//! Linux sends the parent-death signal when the *thread* that started a child ends, not when its process does. Threads of
//! tests and of Tokio's pool end; this one lives as long as the process.

use std::io;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::sync::mpsc;

use tokio::sync::oneshot;

struct Order {
    command: Command,
    reply: oneshot::Sender<io::Result<Child>>,
}

/// Starts a child that may live as long as this process.
pub(super) async fn spawn(command: Command) -> io::Result<Child> {
    static ORDERS: OnceLock<mpsc::Sender<Order>> = OnceLock::new();
    let orders = ORDERS.get_or_init(|| {
        let (orders, received) = mpsc::channel();
        let started = std::thread::Builder::new().name("server-keeper".to_owned()).spawn(move || keep(&received));
        if let Err(error) = started {
            tracing::error!(%error, "the thread that starts servers could not be started");
        }
        orders
    });
    let gone = || io::Error::other("the thread that starts servers is gone");
    let (reply, child) = oneshot::channel();
    orders.send(Order { command, reply }).map_err(|_| gone())?;
    child.await.map_err(|_| gone())?
}

fn keep(orders: &mpsc::Receiver<Order>) {
    while let Ok(mut order) = orders.recv() {
        if let Err(Ok(mut unwanted)) = order.reply.send(order.command.spawn()) {
            // Whoever asked has given up meanwhile.
            if let Err(error) = unwanted.kill().and_then(|()| unwanted.wait()) {
                tracing::debug!(%error, "an unwanted server could not be ended");
            }
        }
    }
}
