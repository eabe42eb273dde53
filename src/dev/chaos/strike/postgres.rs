//! What happens to Postgres.

use std::time::Duration;

use anyhow::Context;

use super::{LONG, Stage};
use crate::dev::chaos::cluster::Pause;

/// How long connections are ended, and how long a deal is locked.
const WHILE: Duration = Duration::from_secs(3);
const BETWEEN: Duration = Duration::from_millis(200);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dev::chaos) enum PostgresStrike {
    /// Of the whole server.
    Kill,
    /// Of one of the processes that serve nodes: Postgres then restarts all of them.
    KillBackend,
    Pause,
    Stop,
    /// The connections of the lanes are ended by an operator, again and again.
    Terminate,
    /// Somebody holds a lock on the deal that most people join.
    LockDeal,
    /// As after a failover that lost commits, though none were lost.
    NewEpoch,
}

impl PostgresStrike {
    pub(super) async fn strike(self, stage: &mut Stage<'_>) -> anyhow::Result<()> {
        match self {
            Self::Kill => {
                stage.cluster.kill_postgres().await;
                stage.hold().await;
                stage.cluster.start_postgres().await
            }
            Self::KillBackend => {
                let backends = stage.cluster.backends().await?;
                let backend = backends.first().context("no node is connected to Postgres")?;
                let pid = rustix::process::Pid::from_raw(*backend).context("not a process")?;
                rustix::process::kill_process(pid, rustix::process::Signal::KILL)?;
                stage.hold().await;
                Ok(())
            }
            Self::Pause => {
                let pid = stage.cluster.servers.postgres().and_then(|server| server.pid());
                let pause = Pause::of(pid.context("Postgres does not run")?, true)?;
                tokio::time::sleep(LONG).await;
                drop(pause);
                Ok(())
            }
            Self::Stop => {
                stage.cluster.servers.postgres().context("there is no Postgres")?.stop().await;
                stage.hold().await;
                stage.cluster.start_postgres().await
            }
            Self::Terminate => {
                let since = tokio::time::Instant::now();
                while since.elapsed() < WHILE {
                    stage.cluster.terminate("commit_signups(").await?;
                    tokio::time::sleep(BETWEEN).await;
                }
                Ok(())
            }
            Self::LockDeal => {
                let lock = stage.cluster.lock(stage.load.busiest_deal()).await?;
                tokio::time::sleep(WHILE).await;
                lock.unlock().await
            }
            Self::NewEpoch => {
                stage.cluster.store.begin_epoch().await?;
                stage.hold().await;
                Ok(())
            }
        }
    }
}
