//! What happens to the links between processes.

use std::time::Duration;

use rand::RngExt;

use super::{LONG, Stage};
use crate::dev::chaos::proxy::Mode;

/// Between whom a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dev::chaos) enum Ends {
    NodeAndRedis,
    NodeAndPostgres,
    ClientsAndNode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dev::chaos) enum LinkStrike {
    /// Every connection is dropped, and none is made.
    Cut,
    /// Nothing comes through, and no connection ends.
    Silence,
    /// 200 ms more each way.
    Delay,
    /// Answers take a second longer.
    LateAnswers,
    /// 10 kB/s.
    Slow,
    /// Reset when the other end answers.
    ResetOnAnswer,
    /// Cut when Postgres answers that a batch is committed.
    CutOnCommit,
}

impl LinkStrike {
    fn mode(self) -> Mode {
        match self {
            Self::Cut => Mode::Cut,
            Self::Silence => Mode::Silent,
            Self::Delay => Mode::Delay(Duration::from_millis(200)),
            Self::LateAnswers => Mode::DelayAnswers(Duration::from_secs(1)),
            Self::Slow => Mode::Slow { bytes_per_second: 10_000 },
            Self::ResetOnAnswer => Mode::ResetOnAnswer { every: 5 },
            Self::CutOnCommit => Mode::CutOnCommit { every: 2 },
        }
    }

    /// To the links of one node, or of all.
    pub(super) async fn strike(self, ends: Ends, stage: &mut Stage<'_>) {
        let only = if stage.chance.random_bool(0.5) { Some(stage.any_node()) } else { None };
        set(stage, ends, only, self.mode());
        match self {
            Self::Cut | Self::Silence => tokio::time::sleep(LONG).await,
            _ => stage.hold().await,
        }
        set(stage, ends, only, Mode::Pass);
    }
}

fn set(stage: &Stage<'_>, ends: Ends, only: Option<usize>, mode: Mode) {
    for (number, node) in stage.cluster.nodes.iter().enumerate() {
        if only.is_none_or(|only| only == number) {
            match ends {
                Ends::NodeAndRedis => node.redis.set(mode),
                Ends::NodeAndPostgres => node.postgres.set(mode),
                Ends::ClientsAndNode => node.clients.set(mode),
            }
        }
    }
}
