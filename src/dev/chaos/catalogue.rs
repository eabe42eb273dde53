//! All faults, with the names that the table, `--only` and `--list` use.

use std::borrow::Cow;

use super::inject::{Ends, Kind, LinkFault, NodeFault, PostgresFault, RedisFault};
use crate::failpoint;

/// A fault that can be injected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The component and what happens to it, such as `redis: flushed`.
    pub name: Cow<'static, str>,
    pub(super) kind: Kind,
}

/// All faults except those that kill a node at a failpoint.
const FIXED: [Fault; 42] = [
    fault("node: kill -9", Kind::Node(NodeFault::Kill)),
    fault("node: stands still for 5 s", Kind::Node(NodeFault::Pause)),
    fault("node: SIGTERM, restart", Kind::Node(NodeFault::Stop)),
    fault("node: rolling restart of all", Kind::Node(NodeFault::RollingRestart)),
    fault("node: clock 10 s ahead", Kind::Node(NodeFault::Skew(10_000))),
    fault("node: clock 10 s behind", Kind::Node(NodeFault::Skew(-10_000))),
    fault("redis: kill -9", Kind::Redis(RedisFault::Kill)),
    fault("redis: stands still for 5 s", Kind::Redis(RedisFault::Pause)),
    fault("redis: SIGINT, restart", Kind::Redis(RedisFault::Stop)),
    fault("redis: restart, empty", Kind::Redis(RedisFault::RestartEmpty)),
    fault("redis: restart, older copy", Kind::Redis(RedisFault::RestartStale)),
    fault("redis: flushed", Kind::Redis(RedisFault::Flush)),
    fault("redis: SCRIPT FLUSH each 0.1 s", Kind::Redis(RedisFault::FlushScripts)),
    fault("redis: out of memory", Kind::Redis(RedisFault::OutOfMemory)),
    fault("redis: evicts keys", Kind::Redis(RedisFault::Evicts)),
    fault("redis: busy in a script for 3 s", Kind::Redis(RedisFault::Busy)),
    fault("redis: replica of nobody", Kind::Redis(RedisFault::Replica)),
    fault("postgres: kill -9", Kind::Postgres(PostgresFault::Kill)),
    fault("postgres: one backend, kill -9", Kind::Postgres(PostgresFault::KillBackend)),
    fault("postgres: stands still for 5 s", Kind::Postgres(PostgresFault::Pause)),
    fault("postgres: SIGINT, restart", Kind::Postgres(PostgresFault::Stop)),
    fault("postgres: lanes terminated", Kind::Postgres(PostgresFault::Terminate)),
    fault("postgres: hot deal locked for 3 s", Kind::Postgres(PostgresFault::LockDeal)),
    fault("postgres: a new epoch begins", Kind::Postgres(PostgresFault::NewEpoch)),
    fault("node-redis: cut for 5 s", Kind::Link(Ends::NodeAndRedis, LinkFault::Cut)),
    fault("node-redis: silent for 5 s", Kind::Link(Ends::NodeAndRedis, LinkFault::Silence)),
    fault("node-redis: +200 ms", Kind::Link(Ends::NodeAndRedis, LinkFault::Delay)),
    fault("node-redis: replies 1 s late", Kind::Link(Ends::NodeAndRedis, LinkFault::LateReplies)),
    fault("node-redis: slow, 10 kB/s", Kind::Link(Ends::NodeAndRedis, LinkFault::Slow)),
    fault("node-redis: reset on reply", Kind::Link(Ends::NodeAndRedis, LinkFault::ResetOnReply)),
    fault("node-postgres: cut for 5 s", Kind::Link(Ends::NodeAndPostgres, LinkFault::Cut)),
    fault("node-postgres: silent for 5 s", Kind::Link(Ends::NodeAndPostgres, LinkFault::Silence)),
    fault("node-postgres: +200 ms", Kind::Link(Ends::NodeAndPostgres, LinkFault::Delay)),
    fault("node-postgres: slow, 10 kB/s", Kind::Link(Ends::NodeAndPostgres, LinkFault::Slow)),
    fault("node-postgres: reset on reply", Kind::Link(Ends::NodeAndPostgres, LinkFault::ResetOnReply)),
    fault("node-postgres: cut on COMMIT's reply", Kind::Link(Ends::NodeAndPostgres, LinkFault::CutOnCommit)),
    fault("clients-node: cut for 5 s", Kind::Link(Ends::ClientsAndNode, LinkFault::Cut)),
    fault("clients-node: silent for 5 s", Kind::Link(Ends::ClientsAndNode, LinkFault::Silence)),
    fault("clients-node: +200 ms", Kind::Link(Ends::ClientsAndNode, LinkFault::Delay)),
    fault("clients-node: slow, 10 kB/s", Kind::Link(Ends::ClientsAndNode, LinkFault::Slow)),
    fault("clients-node: reset on reply", Kind::Link(Ends::ClientsAndNode, LinkFault::ResetOnReply)),
    fault("clients-node: clients reset while they join", Kind::ClientsReset),
];

const fn fault(name: &'static str, kind: Kind) -> Fault {
    Fault { name: Cow::Borrowed(name), kind }
}

/// All faults, including one for each failpoint.
#[must_use]
pub fn catalogue() -> Vec<Fault> {
    let steps = failpoint::STEPS.iter().map(|(step, _)| Fault {
        name: format!("node: dies at {step}").into(),
        kind: Kind::Node(NodeFault::DiesAt(step)),
    });
    FIXED.into_iter().chain(steps).collect()
}
