//! Faults of nodes.

use std::time::Duration;

use anyhow::Context;
use rand::RngExt;

use super::{LONG, Target};
use crate::clock;
use crate::dev::chaos::cluster::{Node, Pause};
use crate::failpoint;

/// How long to wait until a node reaches a failpoint. Some failpoints are reached only when a deal tips.
const STEP_TIMEOUT: Duration = Duration::from_secs(6);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dev::chaos) enum NodeFault {
    Kill,
    Pause,
    /// SIGTERM and restart.
    Stop,
    /// SIGTERM and restart of all nodes, one after the other.
    RollingRestart,
    /// The clock is wrong by this many milliseconds.
    Skew(i64),
    /// The node kills itself at a failpoint: see [`failpoint::STEPS`].
    DiesAt(&'static str),
}

impl NodeFault {
    pub(super) async fn inject(self, target: &mut Target<'_>) -> anyhow::Result<()> {
        let number = target.any_node();
        match self {
            Self::Kill => {
                node(target, number)?.kill().await;
                target.hold().await;
                node(target, number)?.start().await
            }
            Self::Pause => {
                let pid = node(target, number)?.pid().context("the node is not running")?;
                let pause = Pause::of(pid, false)?;
                tokio::time::sleep(LONG).await;
                drop(pause);
                Ok(())
            }
            Self::Stop => {
                stop(target, number).await?;
                node(target, number)?.start().await
            }
            Self::RollingRestart => {
                for number in 0..target.cluster.nodes.len() {
                    stop(target, number).await?;
                    node(target, number)?.start().await?;
                }
                Ok(())
            }
            Self::Skew(millis) => {
                stop(target, number).await?;
                node(target, number)?.begin(&[(clock::SKEW_VARIABLE, millis.to_string())]).await?;
                node(target, number)?.ready().await?;
                target.hold().await;
                stop(target, number).await?;
                node(target, number)?.start().await
            }
            Self::DiesAt(step) => {
                let time = if step.starts_with("mid_co") { 1 } else { target.rng.random_range(1..20) };
                stop(target, number).await?;
                node(target, number)?.begin(&[(failpoint::VARIABLE, format!("{step}:{time}"))]).await?;
                if !node(target, number)?.ended_within(STEP_TIMEOUT).await {
                    target.workload.note_step_not_reached(step);
                }
                node(target, number)?.start().await
            }
        }
    }
}

async fn stop(target: &mut Target<'_>, number: usize) -> anyhow::Result<()> {
    if !node(target, number)?.stop().await {
        target.workload.find(format!("node {number} did not end after SIGTERM"));
    }
    Ok(())
}

fn node<'a>(target: &'a mut Target<'_>, number: usize) -> anyhow::Result<&'a mut Node> {
    target.cluster.nodes.get_mut(number).context("there is no such node")
}
