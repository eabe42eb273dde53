//! Logs on standard error, and metrics for `/metrics`.
//!
//! Logs never contain coupon codes, tokens, passwords or e-mail addresses, except that a mail server's reply may name
//! the recipient. `RUST_LOG` sets the log filter.

pub mod catalogue;
mod process;

use std::io::IsTerminal;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

pub use process::sample;

/// The upper bounds of the histogram buckets. On an idle server a join takes about 1 ms; a refused join waits a few
/// seconds at most.
const SECONDS: [f64; 14] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0];
const ROWS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// The kind of process that logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogStyle {
    /// A node: level `info` and above, as JSON unless standard error is a terminal.
    Service,
    /// A command at a prompt: warnings, and what the development tools report, as text. Its results go to standard
    /// output.
    Command,
}

/// Starts logging. If a logger is already installed, it stays.
pub fn log_to_stderr(style: LogStyle) {
    let default = match style {
        LogStyle::Service => "info,sqlx=warn,actix_server=warn",
        LogStyle::Command => "warn,muster::dev=info",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let logger = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let is_terminal = std::io::stderr().is_terminal();
    let started = if style == LogStyle::Command || is_terminal {
        logger.with_target(false).with_ansi(is_terminal).try_init()
    } else {
        logger.json().flatten_event(true).try_init()
    };
    if let Err(error) = started {
        tracing::debug!(%error, "a logger is already installed");
    }
}

/// Installs the metrics recorder and returns its handle, whose `render` is the text of `/metrics`.
///
/// The name of a histogram ends in `_seconds` or `_rows`, which selects its buckets.
///
/// # Errors
/// This process already has a recorder.
pub fn record_metrics() -> Result<PrometheusHandle, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_rows".to_owned()), &ROWS)?
        .install_recorder()?;
    catalogue::describe();
    Ok(handle)
}
