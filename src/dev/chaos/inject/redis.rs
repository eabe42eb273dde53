//! Faults of Redis.

use std::time::Duration;

use anyhow::Context;

use super::{LONG, Target};
use crate::dev::chaos::cluster::{Cluster, Pause};
use crate::dev::servers::Server;

/// How long scripts run and flushes are repeated.
const DURATION: Duration = Duration::from_secs(3);
const FLUSH_INTERVAL: Duration = Duration::from_millis(100);
/// A script that runs until it is killed.
const BUSY: &str = "while true do end";
/// A port on which nothing listens.
const DEAD_PORT: &str = "1";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dev::chaos) enum RedisFault {
    Kill,
    Pause,
    Stop,
    RestartEmpty,
    /// Restarted from a copy of its data that is some seconds old.
    RestartStale,
    Flush,
    FlushScripts,
    OutOfMemory,
    Evicts,
    Busy,
    /// Redis becomes a replica of an unreachable server and refuses writes.
    Replica,
}

impl RedisFault {
    pub(super) async fn inject(self, target: &mut Target<'_>) -> anyhow::Result<()> {
        match self {
            Self::Kill => {
                server(target)?.kill().await;
                target.hold().await;
                server(target)?.start().await?;
            }
            Self::Pause => {
                let pause = Pause::of(server(target)?.pid().context("Redis is not running")?, false)?;
                tokio::time::sleep(LONG).await;
                drop(pause);
            }
            Self::Stop => {
                server(target)?.stop().await;
                target.hold().await;
                server(target)?.start().await?;
            }
            Self::RestartEmpty => {
                server(target)?.restart_empty().await?;
                target.hold().await;
            }
            Self::RestartStale => {
                let copy = server(target)?.copy_data()?;
                target.hold().await;
                server(target)?.restart_from(&copy).await?;
            }
            Self::Flush => {
                for _ in 0..3 {
                    target.cluster.redis(&["FLUSHALL"]).await?;
                    tokio::time::sleep(DURATION / 3).await;
                }
            }
            Self::FlushScripts => {
                let mut flushes = tokio::time::interval(FLUSH_INTERVAL);
                let flushing = async {
                    loop {
                        flushes.tick().await;
                        if let Err(error) = target.cluster.redis(&["SCRIPT", "FLUSH"]).await {
                            return error;
                        }
                    }
                };
                if let Ok(error) = tokio::time::timeout(DURATION, flushing).await {
                    return Err(error);
                }
            }
            Self::OutOfMemory => {
                set(target, "maxmemory", "1").await?;
                target.hold().await;
                set(target, "maxmemory", "0").await?;
            }
            Self::Evicts => {
                let used = target.cluster.redis_memory().await?;
                set(target, "maxmemory-policy", "allkeys-random").await?;
                set(target, "maxmemory", &used.saturating_sub(used / 50).to_string()).await?;
                target.hold().await;
                set(target, "maxmemory", "0").await?;
                set(target, "maxmemory-policy", "noeviction").await?;
            }
            Self::Busy => {
                set(target, "busy-reply-threshold", "100").await?;
                let url = target.cluster.servers.redis_url();
                let script = tokio::spawn(async move { Cluster::redis_at(&url, &["EVAL", BUSY, "0"]).await });
                tokio::time::sleep(DURATION).await;
                target.cluster.redis(&["SCRIPT", "KILL"]).await?;
                // Ends with an error because the script was killed.
                script.await?.err().context("a script that never ends has ended")?;
            }
            Self::Replica => {
                target.cluster.redis(&["REPLICAOF", "127.0.0.1", DEAD_PORT]).await?;
                target.hold().await;
                target.cluster.redis(&["REPLICAOF", "NO", "ONE"]).await?;
            }
        }
        Ok(())
    }
}

fn server<'a>(target: &'a mut Target<'_>) -> anyhow::Result<&'a mut Server> {
    target.cluster.servers.redis().context("there is no Redis")
}

async fn set(target: &Target<'_>, name: &str, value: &str) -> anyhow::Result<()> {
    target.cluster.redis(&["CONFIG", "SET", name, value]).await.map(drop)
}
