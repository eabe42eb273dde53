//! Injects faults. Each call injects a fault and, if it lasts, waits and undoes it. An error means that it was not
//! undone, and ends the run.

mod link;
mod node;
mod postgres;
mod redis;

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

pub(super) use link::{Ends, LinkFault};
pub(super) use node::NodeFault;
pub(super) use postgres::PostgresFault;
pub(super) use redis::RedisFault;

use super::cluster::Cluster;
use super::workload::Workload;

/// Duration of pauses and cuts, as in the names of the faults.
const LONG: Duration = Duration::from_secs(5);

/// A kind of fault, by the component that it affects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Node(NodeFault),
    Redis(RedisFault),
    Postgres(PostgresFault),
    Link(Ends, LinkFault),
    /// Clients reset their connections during joins.
    ClientsReset,
}

/// The system under test, and the source of random choices.
pub(super) struct Target<'a> {
    pub(super) cluster: &'a mut Cluster,
    pub(super) workload: &'a Workload,
    pub(super) rng: &'a mut StdRng,
}

impl Kind {
    /// Injects the fault, waits and undoes it.
    pub(super) async fn inject(self, target: &mut Target<'_>) -> anyhow::Result<()> {
        match self {
            Self::Node(fault) => fault.inject(target).await,
            Self::Redis(fault) => fault.inject(target).await,
            Self::Postgres(fault) => fault.inject(target).await,
            Self::Link(ends, fault) => {
                fault.inject(ends, target).await;
                Ok(())
            }
            Self::ClientsReset => {
                target.workload.reset_during_joins(true);
                target.hold().await;
                target.workload.reset_during_joins(false);
                Ok(())
            }
        }
    }
}

impl Target<'_> {
    /// Waits for two to four seconds while the fault lasts.
    async fn hold(&mut self) {
        let millis = self.rng.random_range(2_000..4_000);
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }

    /// The number of a random node.
    fn any_node(&mut self) -> usize {
        self.rng.random_range(0..self.cluster.nodes.len())
    }
}
