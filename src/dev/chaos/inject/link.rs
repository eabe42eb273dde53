//! Faults of the links between processes.

use std::time::Duration;

use rand::RngExt;

use super::{LONG, Target};
use crate::dev::chaos::proxy::Mode;

/// The two ends of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dev::chaos) enum Ends {
    NodeAndRedis,
    NodeAndPostgres,
    ClientsAndNode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dev::chaos) enum LinkFault {
    /// All connections are dropped, and new ones are refused.
    Cut,
    /// Connections stay open, but nothing gets through.
    Silence,
    /// 200 ms of additional latency in each direction.
    Delay,
    /// Replies arrive a second late.
    LateReplies,
    /// 10 kB/s.
    Slow,
    /// Some connections are reset when a reply arrives.
    ResetOnReply,
    /// Some lane connections are cut when Postgres reports that a batch is committed.
    CutOnCommit,
}

impl LinkFault {
    fn mode(self) -> Mode {
        match self {
            Self::Cut => Mode::Cut,
            Self::Silence => Mode::Silent,
            Self::Delay => Mode::Delay(Duration::from_millis(200)),
            Self::LateReplies => Mode::DelayReplies(Duration::from_secs(1)),
            Self::Slow => Mode::Slow { bytes_per_second: 10_000 },
            Self::ResetOnReply => Mode::ResetOnReply { every: 5 },
            Self::CutOnCommit => Mode::CutOnCommit { every: 2 },
        }
    }

    /// Injects the fault into the links of one node or of all nodes, chosen at random.
    pub(super) async fn inject(self, ends: Ends, target: &mut Target<'_>) {
        let only = if target.rng.random_bool(0.5) { Some(target.any_node()) } else { None };
        set(target, ends, only, self.mode());
        match self {
            Self::Cut | Self::Silence => tokio::time::sleep(LONG).await,
            _ => target.hold().await,
        }
        set(target, ends, only, Mode::Pass);
    }
}

fn set(target: &Target<'_>, ends: Ends, only: Option<usize>, mode: Mode) {
    for (number, node) in target.cluster.nodes.iter().enumerate() {
        if only.is_none_or(|only| only == number) {
            match ends {
                Ends::NodeAndRedis => node.redis.set(mode),
                Ends::NodeAndPostgres => node.postgres.set(mode),
                Ends::ClientsAndNode => node.clients.set(mode),
            }
        }
    }
}
