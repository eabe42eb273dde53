//! What the process tells about itself: logs on standard error, metrics for `/metrics`.
//!
//! Logs carry no codes, tokens, passwords or whole e-mail addresses. `RUST_LOG` chooses what is logged.

pub mod catalogue;
mod process;

use std::io::IsTerminal;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

pub use process::sample;

/// Upper bounds of the histograms' buckets: a quiet join takes about 1 ms, a refused one waits at most some seconds.
const SECONDS: [f64; 14] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];
const ROWS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// Who reads the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readers {
    /// Those who run a node: everything that happens, as JSON unless standard error is a terminal.
    OfNode,
    /// Somebody who typed a command: what goes wrong, as sentences. The rest is printed.
    OfCommand,
}

/// Starts logging. A process that already logs keeps its logger.
pub fn log_to_stderr(readers: Readers) {
    let default = match readers {
        Readers::OfNode => "info,sqlx=warn,actix_server=warn",
        Readers::OfCommand => "warn,muster::dev=info",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let logger = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let is_terminal = std::io::stderr().is_terminal();
    let started = if readers == Readers::OfCommand || is_terminal {
        logger.with_target(false).with_ansi(is_terminal).try_init()
    } else {
        logger.json().flatten_event(true).try_init()
    };
    if let Err(error) = started {
        tracing::debug!(%error, "logging was started before");
    }
}

/// Starts counting, and returns the handle whose `render` is the text of `/metrics`.
/// Names end in their unit: `_seconds`, `_rows`, `_total`.
///
/// # Errors
/// When this process already has a recorder.
pub fn record_metrics() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_rows".to_owned()), &ROWS)?
        .install_recorder()?;
    catalogue::describe();
    Ok(handle)
}
