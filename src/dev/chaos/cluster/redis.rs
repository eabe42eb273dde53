//! Commands for Redis, over a connection that bypasses the links.

use std::time::Duration;

use redis::{AsyncConnectionConfig, Client, Value};

use super::Cluster;

/// Longer than the longest-running script.
const TIMEOUT: Duration = Duration::from_secs(20);

impl Cluster {
    /// Sends one command on a new connection.
    pub(in crate::dev::chaos) async fn redis(&self, command: &[&str]) -> anyhow::Result<Value> {
        Self::redis_at(&self.servers.redis_url(), command).await
    }

    /// Like [`Cluster::redis`], but does not borrow the cluster, so that it can run in a task.
    pub(in crate::dev::chaos) async fn redis_at(url: &str, command: &[&str]) -> anyhow::Result<Value> {
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(TIMEOUT));
        let client = Client::open(url)?;
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut call = redis::Cmd::new();
        for word in command {
            call.arg(*word);
        }
        Ok(call.query_async(&mut connection).await?)
    }

    /// The number of bytes that Redis uses.
    pub(in crate::dev::chaos) async fn redis_memory(&self) -> anyhow::Result<u64> {
        let answer = self.redis(&["INFO", "memory"]).await?;
        let info: redis::InfoDict = redis::from_redis_value(answer)?;
        Ok(info.get("used_memory").unwrap_or(0))
    }
}
