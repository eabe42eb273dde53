//! Faults of Postgres.

use std::time::Duration;

use anyhow::Context;

use super::{LONG, Target};
use crate::dev::chaos::cluster::Pause;

/// How long connections are terminated repeatedly, and how long a deal stays locked.
const DURATION: Duration = Duration::from_secs(3);
const TERMINATE_INTERVAL: Duration = Duration::from_millis(200);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dev::chaos) enum PostgresFault {
    /// SIGKILL of the whole server.
    Kill,
    /// SIGKILL of one backend, after which Postgres restarts all of them.
    KillBackend,
    Pause,
    Stop,
    /// An operator terminates the lanes' connections repeatedly.
    Terminate,
    /// Another transaction holds a lock on the busiest deal.
    LockDeal,
    /// A new epoch starts, as after a failover that lost commits.
    NewEpoch,
}

impl PostgresFault {
    pub(super) async fn inject(self, target: &mut Target<'_>) -> anyhow::Result<()> {
        match self {
            Self::Kill => {
                target.cluster.kill_postgres().await;
                target.hold().await;
                target.cluster.start_postgres().await
            }
            Self::KillBackend => {
                let backends = target.cluster.backends().await?;
                let backend = backends.first().context("no node is connected to Postgres")?;
                let pid = rustix::process::Pid::from_raw(*backend).context("not a process")?;
                rustix::process::kill_process(pid, rustix::process::Signal::KILL)?;
                target.hold().await;
                Ok(())
            }
            Self::Pause => {
                let pid = target.cluster.servers.postgres().and_then(|server| server.pid());
                let pause = Pause::of(pid.context("Postgres is not running")?, true)?;
                tokio::time::sleep(LONG).await;
                drop(pause);
                Ok(())
            }
            Self::Stop => {
                target.cluster.servers.postgres().context("there is no Postgres")?.stop().await;
                target.hold().await;
                target.cluster.start_postgres().await
            }
            Self::Terminate => {
                let since = tokio::time::Instant::now();
                while since.elapsed() < DURATION {
                    target.cluster.terminate("commit_signups(").await?;
                    tokio::time::sleep(TERMINATE_INTERVAL).await;
                }
                Ok(())
            }
            Self::LockDeal => {
                let lock = target.cluster.lock(target.workload.busiest_deal()).await?;
                tokio::time::sleep(DURATION).await;
                lock.unlock().await
            }
            Self::NewEpoch => {
                target.cluster.store.begin_epoch().await?;
                target.hold().await;
                Ok(())
            }
        }
    }
}
