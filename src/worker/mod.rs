//! Background workers: they close, settle and reconcile deals, deliver mail, delete expired sessions and report lag.
//!
//! Owns the workers' periods and the logging of their failures. The engine and the slices do the work. Every worker may
//! run on every node and may be killed at any point; the functions that it calls are safe to repeat and to run
//! concurrently. A worker whose work fails retries after its period.

mod closer;
mod janitor;
mod observer;
mod outbox;
mod reconciler;
mod settler;

use std::sync::Arc;

use crate::app::shutdown::Shutdown;
use crate::config::WorkersConfig;
use crate::engine::Engine;
use crate::notices::Mailer;
use crate::store::Store;

pub use observer::observe;

/// Starts every worker. The workers stop soon after the shutdown begins; the returned task ends when all have stopped.
#[must_use = "the task is the way to wait for the workers"]
pub fn start(
    engine: &Engine,
    store: &Store,
    mailer: Arc<Mailer>,
    config: &WorkersConfig,
    shutdown: &Shutdown,
) -> tokio::task::JoinHandle<()> {
    let settler = settler::run(engine.clone(), config.settle_every, config.settle_chunk, shutdown.clone());
    let closer = closer::run(engine.clone(), config.close_every, shutdown.clone());
    let reconciler = reconciler::run(engine.clone(), config.reconcile_every, config.reconcile_window, shutdown.clone());
    let outbox =
        outbox::run(engine.clone(), store.clone(), mailer, config.outbox_every, config.outbox_chunk, shutdown.clone());
    let janitor = janitor::run(store.clone(), shutdown.clone());
    let observer = observer::run(store.clone(), shutdown.clone());
    tokio::spawn(async move {
        tokio::join!(settler, closer, reconciler, outbox, janitor, observer);
    })
}
