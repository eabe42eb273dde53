//! Settings of the HTTP server.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;

use super::network::Network;
use super::problem::ConfigProblems;
use super::units;

/// Settings of the HTTP server. `config/server.toml` has the defaults and explains each key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// Address of the public listener. Port 0 picks a free port.
    pub bind: SocketAddr,
    /// Address of the internal listener for `/metrics` and `/audit`, if there is one.
    #[serde(deserialize_with = "units::unless_empty")]
    pub internal_bind: Option<SocketAddr>,
    /// Public URL of this server.
    pub base_url: BaseUrl,
    /// HTTP worker threads; 0 means one per core.
    pub workers: usize,
    /// Maximum open connections per worker thread.
    pub connections_per_worker_max: usize,
    /// Networks of reverse proxies whose `X-Forwarded-For` header is trusted.
    pub trusted_proxies: Vec<Network>,
    /// Largest JSON body.
    pub body_max_bytes: usize,
    /// Timeout for receiving the request headers.
    #[serde(rename = "header_timeout_ms", deserialize_with = "units::ms")]
    pub header_timeout: Duration,
    /// Timeout for receiving the request body.
    #[serde(rename = "body_timeout_ms", deserialize_with = "units::ms")]
    pub body_timeout: Duration,
    /// How long an idle connection is kept open.
    #[serde(rename = "keep_alive_s", deserialize_with = "units::s")]
    pub keep_alive: Duration,
    /// Time for requests, lanes and sockets to finish after SIGTERM.
    #[serde(rename = "drain_s", deserialize_with = "units::s")]
    pub drain: Duration,
}

impl ServerConfig {
    /// The number of worker threads, with 0 resolved to the number of cores.
    #[must_use]
    pub fn worker_count(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            count => count,
        }
    }

    pub(super) fn check(&self, problems: &mut ConfigProblems) {
        problems.require(self.workers <= 1024, "server.workers", "must be at most 1024");
        problems.require(
            self.connections_per_worker_max >= 1,
            "server.connections_per_worker_max",
            "must be at least 1",
        );
        problems.require(self.body_max_bytes >= 1024, "server.body_max_bytes", "must be at least 1024");
        problems.require(!self.header_timeout.is_zero(), "server.header_timeout_ms", "must be above 0");
        problems.require(!self.body_timeout.is_zero(), "server.body_timeout_ms", "must be above 0");
        let clash = self.internal_bind == Some(self.bind) && self.bind.port() != 0;
        problems.require(!clash, "server.internal_bind", "must differ from server.bind");
    }
}

/// The public URL of a server: a scheme, a host and an optional port, without a path.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct BaseUrl(String);

impl BaseUrl {
    /// The URL without a trailing slash. It equals the `Origin` header that browsers send.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether browsers connect over TLS, so that cookies must be `Secure`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// The URL of a page, given its absolute path.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        format!("{}/{}", self.0, path.trim_start_matches('/'))
    }
}

impl FromStr for BaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = text.trim().trim_end_matches('/').to_ascii_lowercase();
        let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")).unwrap_or_default();
        if host.is_empty() || host.contains(|c: char| "/?#@\\".contains(c) || c.is_whitespace() || c.is_control()) {
            return Err(format!("`{text}` is not a scheme and a host; use a form such as https://deals.example.com"));
        }
        Ok(Self(url))
    }
}

impl TryFrom<String> for BaseUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
