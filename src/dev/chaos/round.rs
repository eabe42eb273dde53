//! A round: a load, some faults, an audit.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::time::Instant;

use super::Step;
use super::catalogue::Fault;
use super::cluster::Cluster;
use super::logs::Logs;
use super::strike::Stage;
use super::table::{Happened, Table};
use super::workload::{Load, Service};
use crate::engine::{AuditOptions, AuditOutcome};
use crate::shutdown::Shutdown;

/// Between the beginning of a load and the first fault.
const WARM_UP: Duration = Duration::from_secs(1);
/// After a fault is healed, every node must have acknowledged a join within this time.
const SERVES_AGAIN: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

/// What goes from round to round.
pub(super) struct Rounds {
    pub(super) cluster: Cluster,
    pub(super) service: Arc<Service>,
    pub(super) chance: StdRng,
    pub(super) table: Table,
    pub(super) logs: Logs,
    pub(super) faults_made: usize,
    /// What Postgres counted at the last look.
    pub(super) deadlocks: i64,
}

impl Rounds {
    /// Plays one round with these faults.
    pub(super) async fn play(
        &mut self,
        faults: &[Fault],
        shutdown: &Shutdown,
        tell: &mut impl FnMut(Step<'_>),
    ) -> anyhow::Result<()> {
        let number = self.table.rounds() + 1;
        let log = self.cluster.folder().join(format!("clients-{number}.log"));
        let nodes: Vec<SocketAddr> = self.cluster.nodes.iter().map(|node| node.reached_at).collect();
        let seed = self.chance.random();
        let load = Load::begin(&self.cluster.engine, &self.cluster.store, nodes, &self.service, &log, seed).await?;
        tokio::time::sleep(WARM_UP).await;
        let mut happened = Vec::new();
        for fault in faults {
            if shutdown.has_begun() {
                break;
            }
            self.faults_made += 1;
            tell(Step::Fault(&fault.name, self.faults_made));
            happened.push(self.make(fault, &load).await?);
        }
        tell(Step::Auditing);
        let redeemed = load.end(&self.cluster.store).await?;
        let mut findings = self.service.take_findings();
        let stored = self.cluster.redeemed(&redeemed).await?;
        if stored != redeemed.len() {
            findings.push(format!("{} coupons were redeemed, and {stored} are in Postgres", redeemed.len()));
        }
        let options = AuditOptions { logs: vec![log], ..AuditOptions::default() };
        let report = self.cluster.engine.audit(&options, |_| {}).await?;
        if report.outcome() != AuditOutcome::Clean {
            let names: Vec<&str> = happened.iter().map(|fault| fault.name.as_str()).collect();
            findings.push(format!("the audit of round {number}, after {}:\n{report}", names.join("; ")));
        }
        findings.extend(self.logs.look());
        let deadlocks = self.cluster.deadlocks().await?;
        if deadlocks > self.deadlocks {
            findings.push(format!("Postgres counts {} deadlocks", deadlocks - self.deadlocks));
        }
        // A crash sets it to zero; the log is looked at as well.
        self.deadlocks = deadlocks;
        for finding in &findings {
            tell(Step::Found(finding));
        }
        self.table.add_round(&happened, &report, &findings);
        Ok(())
    }

    /// One fault, until every node serves again.
    async fn make(&mut self, fault: &Fault, load: &Load) -> anyhow::Result<Happened> {
        let before = self.service.counts();
        let since = self.service.begin_measuring();
        let mut stage = Stage { cluster: &mut self.cluster, load, chance: &mut self.chance };
        fault.strike.strike(&mut stage).await?;
        let healed = Instant::now();
        loop {
            let silent = self.service.not_serving_since(healed, self.cluster.nodes.len());
            if silent.is_empty() {
                break;
            }
            if healed.elapsed() > SERVES_AGAIN {
                self.service.find(format!(
                    "{}: node {silent:?} acknowledged no join within {SERVES_AGAIN:?} after it was over",
                    fault.name
                ));
                break;
            }
            tokio::time::sleep(POLL).await;
        }
        let back = healed.elapsed();
        for number in self.cluster.revive().await? {
            self.service.find(format!("{}: node {number} ended by itself", fault.name));
        }
        let after = self.service.counts();
        Ok(Happened {
            name: fault.name.to_string(),
            attempted: after.attempted - before.attempted,
            acknowledged: after.acknowledged - before.acknowledged,
            doubled: after.doubled - before.doubled,
            without_service: self.service.longest_gap(since),
            back,
        })
    }
}
