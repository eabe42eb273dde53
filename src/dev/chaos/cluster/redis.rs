//! What is done to Redis from inside, over a connection around all links.

use std::time::Duration;

use redis::{AsyncConnectionConfig, Client, Value};

use super::Cluster;

/// Longer than any script that is run on purpose.
const PATIENCE: Duration = Duration::from_secs(20);

impl Cluster {
    /// Sends one command, over a connection of its own.
    pub(in crate::dev::chaos) async fn redis(&self, command: &[&str]) -> anyhow::Result<Value> {
        Self::redis_at(&self.servers.redis_url(), command).await
    }

    /// As a future that borrows nothing, for what goes on meanwhile.
    pub(in crate::dev::chaos) async fn redis_at(url: &str, command: &[&str]) -> anyhow::Result<Value> {
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
        let client = Client::open(url)?;
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut call = redis::Cmd::new();
        for word in command {
            call.arg(*word);
        }
        Ok(call.query_async(&mut connection).await?)
    }

    /// So many bytes does Redis use now.
    pub(in crate::dev::chaos) async fn redis_memory(&self) -> anyhow::Result<u64> {
        let answer = self.redis(&["INFO", "memory"]).await?;
        let info: redis::InfoDict = redis::from_redis_value(answer)?;
        Ok(info.get("used_memory").unwrap_or(0))
    }
}
