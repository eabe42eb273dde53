//! What happens to Redis.

use std::time::Duration;

use anyhow::Context;

use super::{LONG, Stage};
use crate::dev::chaos::cluster::{Cluster, Pause};
use crate::dev::servers::Server;

/// How long scripts and flushes go on.
const WHILE: Duration = Duration::from_secs(3);
const BETWEEN_FLUSHES: Duration = Duration::from_millis(100);
/// Until it is killed.
const BUSY: &str = "while true do end";
/// Nobody listens there.
const DEAD_PORT: &str = "1";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dev::chaos) enum RedisStrike {
    Kill,
    Pause,
    Stop,
    RestartEmpty,
    /// Started again from a copy that is some seconds old.
    RestartStale,
    Flush,
    FlushScripts,
    OutOfMemory,
    Evicts,
    Busy,
    /// It becomes a replica of nobody, which takes no writes.
    Replica,
}

impl RedisStrike {
    pub(super) async fn strike(self, stage: &mut Stage<'_>) -> anyhow::Result<()> {
        match self {
            Self::Kill => {
                server(stage)?.kill().await;
                stage.hold().await;
                server(stage)?.start().await?;
            }
            Self::Pause => {
                let pause = Pause::of(server(stage)?.pid().context("Redis does not run")?, false)?;
                tokio::time::sleep(LONG).await;
                drop(pause);
            }
            Self::Stop => {
                server(stage)?.stop().await;
                stage.hold().await;
                server(stage)?.start().await?;
            }
            Self::RestartEmpty => {
                server(stage)?.restart_empty().await?;
                stage.hold().await;
            }
            Self::RestartStale => {
                let copy = server(stage)?.copy_data()?;
                stage.hold().await;
                server(stage)?.restart_from(&copy).await?;
            }
            Self::Flush => {
                for _ in 0..3 {
                    stage.cluster.redis(&["FLUSHALL"]).await?;
                    tokio::time::sleep(WHILE / 3).await;
                }
            }
            Self::FlushScripts => {
                let mut flushes = tokio::time::interval(BETWEEN_FLUSHES);
                let flushing = async {
                    loop {
                        flushes.tick().await;
                        if let Err(error) = stage.cluster.redis(&["SCRIPT", "FLUSH"]).await {
                            return error;
                        }
                    }
                };
                if let Ok(error) = tokio::time::timeout(WHILE, flushing).await {
                    return Err(error);
                }
            }
            Self::OutOfMemory => {
                set(stage, "maxmemory", "1").await?;
                stage.hold().await;
                set(stage, "maxmemory", "0").await?;
            }
            Self::Evicts => {
                let used = stage.cluster.redis_memory().await?;
                set(stage, "maxmemory-policy", "allkeys-random").await?;
                set(stage, "maxmemory", &used.saturating_sub(used / 50).to_string()).await?;
                stage.hold().await;
                set(stage, "maxmemory", "0").await?;
                set(stage, "maxmemory-policy", "noeviction").await?;
            }
            Self::Busy => {
                set(stage, "busy-reply-threshold", "100").await?;
                let url = stage.cluster.servers.redis_url();
                let script = tokio::spawn(async move { Cluster::redis_at(&url, &["EVAL", BUSY, "0"]).await });
                tokio::time::sleep(WHILE).await;
                stage.cluster.redis(&["SCRIPT", "KILL"]).await?;
                // It ends with an error, as it was killed.
                script.await?.err().context("a script that never ends has ended")?;
            }
            Self::Replica => {
                stage.cluster.redis(&["REPLICAOF", "127.0.0.1", DEAD_PORT]).await?;
                stage.hold().await;
                stage.cluster.redis(&["REPLICAOF", "NO", "ONE"]).await?;
            }
        }
        Ok(())
    }
}

fn server<'a>(stage: &'a mut Stage<'_>) -> anyhow::Result<&'a mut Server> {
    stage.cluster.servers.redis().context("there is no Redis")
}

async fn set(stage: &Stage<'_>, name: &str, value: &str) -> anyhow::Result<()> {
    stage.cluster.redis(&["CONFIG", "SET", name, value]).await.map(drop)
}
