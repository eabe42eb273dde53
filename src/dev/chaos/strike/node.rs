//! What happens to nodes.

use std::time::Duration;

use anyhow::Context;
use rand::RngExt;

use super::{LONG, Stage};
use crate::clock;
use crate::dev::chaos::cluster::{Node, Pause};
use crate::failpoint;

/// How long a node may take to come to the step at which it dies. Some steps come only when a deal tips.
const STEP_PATIENCE: Duration = Duration::from_secs(6);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dev::chaos) enum NodeStrike {
    Kill,
    Pause,
    /// SIGTERM, and a new one.
    Stop,
    /// All of them, one after the other.
    RollingRestart,
    /// Its clock is wrong by so many milliseconds.
    Skew(i64),
    /// It dies at a step: see [`failpoint::STEPS`].
    DiesAt(&'static str),
}

impl NodeStrike {
    pub(super) async fn strike(self, stage: &mut Stage<'_>) -> anyhow::Result<()> {
        let number = stage.any_node();
        match self {
            Self::Kill => {
                node(stage, number)?.kill().await;
                stage.hold().await;
                node(stage, number)?.start().await
            }
            Self::Pause => {
                let pid = node(stage, number)?.pid().context("a node does not run")?;
                let pause = Pause::of(pid, false)?;
                tokio::time::sleep(LONG).await;
                drop(pause);
                Ok(())
            }
            Self::Stop => {
                stop(stage, number).await?;
                node(stage, number)?.start().await
            }
            Self::RollingRestart => {
                for number in 0..stage.cluster.nodes.len() {
                    stop(stage, number).await?;
                    node(stage, number)?.start().await?;
                }
                Ok(())
            }
            Self::Skew(millis) => {
                stop(stage, number).await?;
                node(stage, number)?.begin(&[(clock::SKEW_VARIABLE, millis.to_string())]).await?;
                node(stage, number)?.ready().await?;
                stage.hold().await;
                stop(stage, number).await?;
                node(stage, number)?.start().await
            }
            Self::DiesAt(step) => {
                let time = if step.starts_with("mid_co") { 1 } else { stage.chance.random_range(1..20) };
                stop(stage, number).await?;
                node(stage, number)?.begin(&[(failpoint::VARIABLE, format!("{step}:{time}"))]).await?;
                if !node(stage, number)?.ended_within(STEP_PATIENCE).await {
                    stage.load.note_unreached(step);
                }
                node(stage, number)?.start().await
            }
        }
    }
}

async fn stop(stage: &mut Stage<'_>, number: usize) -> anyhow::Result<()> {
    if !node(stage, number)?.stop().await {
        stage.load.find(format!("node {number} did not end after SIGTERM"));
    }
    Ok(())
}

fn node<'a>(stage: &'a mut Stage<'_>, number: usize) -> anyhow::Result<&'a mut Node> {
    stage.cluster.nodes.get_mut(number).context("there is no such node")
}
