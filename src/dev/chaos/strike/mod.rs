//! Faults: each is done, held and healed in one go. A strike that fails has not healed: the run ends with its error.

mod link;
mod node;
mod postgres;
mod redis;

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

pub(super) use link::{Ends, LinkStrike};
pub(super) use node::NodeStrike;
pub(super) use postgres::PostgresStrike;
pub(super) use redis::RedisStrike;

use super::cluster::Cluster;
use super::workload::Load;

/// As long as the matrix says for what stands still or is cut.
const LONG: Duration = Duration::from_secs(5);

/// What is done to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strike {
    Node(NodeStrike),
    Redis(RedisStrike),
    Postgres(PostgresStrike),
    Link(Ends, LinkStrike),
    /// Clients reset their connections in the middle of joins.
    ClientsReset,
}

/// Where faults happen, and by which chances.
pub(super) struct Stage<'a> {
    pub(super) cluster: &'a mut Cluster,
    pub(super) load: &'a Load,
    pub(super) chance: &'a mut StdRng,
}

impl Strike {
    /// Does it, and heals it again.
    pub(super) async fn strike(self, stage: &mut Stage<'_>) -> anyhow::Result<()> {
        match self {
            Self::Node(strike) => strike.strike(stage).await,
            Self::Redis(strike) => strike.strike(stage).await,
            Self::Postgres(strike) => strike.strike(stage).await,
            Self::Link(ends, strike) => {
                strike.strike(ends, stage).await;
                Ok(())
            }
            Self::ClientsReset => {
                stage.load.reset_in_the_middle(true);
                stage.hold().await;
                stage.load.reset_in_the_middle(false);
                Ok(())
            }
        }
    }
}

impl Stage<'_> {
    /// Lets the fault last for two to four seconds.
    async fn hold(&mut self) {
        let millis = self.chance.random_range(2_000..4_000);
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }

    /// One of the nodes.
    fn any_node(&mut self) -> usize {
        self.chance.random_range(0..self.cluster.nodes.len())
    }
}
