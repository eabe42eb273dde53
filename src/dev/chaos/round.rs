//! A round: a workload, some faults and an audit.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use tokio::time::Instant;

use super::Step;
use super::catalogue::Fault;
use super::cluster::Cluster;
use super::inject::Target;
use super::logs::Logs;
use super::table::{FaultResult, Table};
use super::workload::{Observations, Workload};
use crate::app::shutdown::Shutdown;
use crate::engine::{AuditOptions, AuditOutcome};

/// Time between the start of the workload and the first fault.
const WARM_UP: Duration = Duration::from_secs(1);
/// After a fault is undone, every node must acknowledge a join within this time.
const RECOVERY_TIMEOUT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

/// The state that is shared by all rounds.
pub(super) struct Rounds {
    pub(super) cluster: Cluster,
    pub(super) observations: Arc<Observations>,
    pub(super) rng: StdRng,
    pub(super) table: Table,
    pub(super) logs: Logs,
    pub(super) faults_injected: usize,
    /// Postgres' deadlock counter at the end of the last round.
    pub(super) deadlocks: i64,
}

impl Rounds {
    /// Runs one round with these faults.
    pub(super) async fn run(
        &mut self,
        faults: &[Fault],
        shutdown: &Shutdown,
        report_step: &mut impl FnMut(Step<'_>),
    ) -> anyhow::Result<()> {
        let number = self.table.rounds() + 1;
        let log = self.cluster.folder().join(format!("clients-{number}.log"));
        let nodes: Vec<SocketAddr> = self.cluster.nodes.iter().map(|node| node.reached_at).collect();
        let seed = self.rng.random();
        let workload =
            Workload::begin(&self.cluster.engine, &self.cluster.store, nodes, &self.observations, &log, seed).await?;
        tokio::time::sleep(WARM_UP).await;
        let mut happened = Vec::new();
        for fault in faults {
            if shutdown.has_begun() {
                break;
            }
            self.faults_injected += 1;
            report_step(Step::Fault(&fault.name, self.faults_injected));
            happened.push(self.inject(fault, &workload).await?);
        }
        report_step(Step::Auditing);
        let redeemed = workload.end(&self.cluster.store).await?;
        let mut findings = self.observations.take_findings();
        let stored = self.cluster.redeemed(&redeemed).await?;
        if stored != redeemed.len() {
            findings.push(format!("{} redemptions were acknowledged, but Postgres has {stored}", redeemed.len()));
        }
        let options = AuditOptions { logs: vec![log], ..AuditOptions::default() };
        let report = self.cluster.engine.audit().run(&options, |_| {}).await?;
        if report.outcome() != AuditOutcome::Clean {
            let names: Vec<&str> = happened.iter().map(|fault| fault.name.as_str()).collect();
            findings.push(format!("the audit of round {number}, after {}:\n{report}", names.join("; ")));
        }
        findings.extend(self.logs.search());
        let deadlocks = self.cluster.deadlocks().await?;
        if deadlocks > self.deadlocks {
            findings.push(format!("Postgres counted {} deadlocks", deadlocks - self.deadlocks));
        }
        // A crash of Postgres resets the counter, so the log is searched for deadlocks as well.
        self.deadlocks = deadlocks;
        for finding in &findings {
            report_step(Step::Found(finding));
        }
        self.table.add_round(&happened, &report, &findings);
        Ok(())
    }

    /// Injects one fault and waits until every node acknowledges joins again.
    async fn inject(&mut self, fault: &Fault, workload: &Workload) -> anyhow::Result<FaultResult> {
        let before = self.observations.counts();
        let since = self.observations.begin_measuring();
        let mut target = Target { cluster: &mut self.cluster, workload, rng: &mut self.rng };
        fault.kind.inject(&mut target).await?;
        let healed = Instant::now();
        loop {
            let silent = self.observations.not_serving_since(healed, self.cluster.nodes.len());
            if silent.is_empty() {
                break;
            }
            if healed.elapsed() > RECOVERY_TIMEOUT {
                self.observations.find(format!(
                    "{}: nodes {silent:?} acknowledged no join within {RECOVERY_TIMEOUT:?} after the fault was undone",
                    fault.name
                ));
                break;
            }
            tokio::time::sleep(POLL).await;
        }
        let back = healed.elapsed();
        for number in self.cluster.revive().await? {
            self.observations.find(format!("{}: node {number} ended unexpectedly", fault.name));
        }
        let after = self.observations.counts();
        Ok(FaultResult {
            name: fault.name.to_string(),
            attempted: after.attempted - before.attempted,
            acknowledged: after.acknowledged - before.acknowledged,
            doubled: after.doubled - before.doubled,
            without_service: self.observations.longest_gap(since),
            back,
        })
    }
}
