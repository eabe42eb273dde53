//! Every kind of fault, by the name that the table, `--only` and `--list` use.

use std::borrow::Cow;

use super::strike::{Ends, LinkStrike, NodeStrike, PostgresStrike, RedisStrike, Strike};
use crate::failpoint;

/// A kind of fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Component and what happens to it, such as `redis: flushed`.
    pub name: Cow<'static, str>,
    pub(super) strike: Strike,
}

/// All kinds but the steps at which nodes die.
const BUT_STEPS: [Fault; 42] = [
    fault("node: kill -9", Strike::Node(NodeStrike::Kill)),
    fault("node: stands still for 5 s", Strike::Node(NodeStrike::Pause)),
    fault("node: SIGTERM, restart", Strike::Node(NodeStrike::Stop)),
    fault("node: rolling restart of all", Strike::Node(NodeStrike::RollingRestart)),
    fault("node: clock 10 s ahead", Strike::Node(NodeStrike::Skew(10_000))),
    fault("node: clock 10 s behind", Strike::Node(NodeStrike::Skew(-10_000))),
    fault("redis: kill -9", Strike::Redis(RedisStrike::Kill)),
    fault("redis: stands still for 5 s", Strike::Redis(RedisStrike::Pause)),
    fault("redis: SIGINT, restart", Strike::Redis(RedisStrike::Stop)),
    fault("redis: restart, empty", Strike::Redis(RedisStrike::RestartEmpty)),
    fault("redis: restart, older copy", Strike::Redis(RedisStrike::RestartStale)),
    fault("redis: flushed", Strike::Redis(RedisStrike::Flush)),
    fault("redis: SCRIPT FLUSH each 0.1 s", Strike::Redis(RedisStrike::FlushScripts)),
    fault("redis: out of memory", Strike::Redis(RedisStrike::OutOfMemory)),
    fault("redis: evicts keys", Strike::Redis(RedisStrike::Evicts)),
    fault("redis: busy in a script for 3 s", Strike::Redis(RedisStrike::Busy)),
    fault("redis: replica of nobody", Strike::Redis(RedisStrike::Replica)),
    fault("postgres: kill -9", Strike::Postgres(PostgresStrike::Kill)),
    fault("postgres: one backend, kill -9", Strike::Postgres(PostgresStrike::KillBackend)),
    fault("postgres: stands still for 5 s", Strike::Postgres(PostgresStrike::Pause)),
    fault("postgres: SIGINT, restart", Strike::Postgres(PostgresStrike::Stop)),
    fault("postgres: lanes terminated", Strike::Postgres(PostgresStrike::Terminate)),
    fault("postgres: hot deal locked for 3 s", Strike::Postgres(PostgresStrike::LockDeal)),
    fault("postgres: a new epoch begins", Strike::Postgres(PostgresStrike::NewEpoch)),
    fault("node-redis: cut for 5 s", Strike::Link(Ends::NodeAndRedis, LinkStrike::Cut)),
    fault("node-redis: silent for 5 s", Strike::Link(Ends::NodeAndRedis, LinkStrike::Silence)),
    fault("node-redis: +200 ms", Strike::Link(Ends::NodeAndRedis, LinkStrike::Delay)),
    fault("node-redis: replies 1 s late", Strike::Link(Ends::NodeAndRedis, LinkStrike::LateAnswers)),
    fault("node-redis: slow, 10 kB/s", Strike::Link(Ends::NodeAndRedis, LinkStrike::Slow)),
    fault("node-redis: reset on reply", Strike::Link(Ends::NodeAndRedis, LinkStrike::ResetOnAnswer)),
    fault("node-postgres: cut for 5 s", Strike::Link(Ends::NodeAndPostgres, LinkStrike::Cut)),
    fault("node-postgres: silent for 5 s", Strike::Link(Ends::NodeAndPostgres, LinkStrike::Silence)),
    fault("node-postgres: +200 ms", Strike::Link(Ends::NodeAndPostgres, LinkStrike::Delay)),
    fault("node-postgres: slow, 10 kB/s", Strike::Link(Ends::NodeAndPostgres, LinkStrike::Slow)),
    fault("node-postgres: reset on reply", Strike::Link(Ends::NodeAndPostgres, LinkStrike::ResetOnAnswer)),
    fault("node-postgres: cut on COMMIT's reply", Strike::Link(Ends::NodeAndPostgres, LinkStrike::CutOnCommit)),
    fault("clients-node: cut for 5 s", Strike::Link(Ends::ClientsAndNode, LinkStrike::Cut)),
    fault("clients-node: silent for 5 s", Strike::Link(Ends::ClientsAndNode, LinkStrike::Silence)),
    fault("clients-node: +200 ms", Strike::Link(Ends::ClientsAndNode, LinkStrike::Delay)),
    fault("clients-node: slow, 10 kB/s", Strike::Link(Ends::ClientsAndNode, LinkStrike::Slow)),
    fault("clients-node: reset on reply", Strike::Link(Ends::ClientsAndNode, LinkStrike::ResetOnAnswer)),
    fault("clients-node: clients reset while they join", Strike::ClientsReset),
];

const fn fault(name: &'static str, strike: Strike) -> Fault {
    Fault { name: Cow::Borrowed(name), strike }
}

/// Every kind of fault.
#[must_use]
pub fn catalogue() -> Vec<Fault> {
    let steps = failpoint::STEPS.iter().map(|(step, _)| Fault {
        name: format!("node: dies at {step}").into(),
        strike: Strike::Node(NodeStrike::DiesAt(step)),
    });
    BUT_STEPS.into_iter().chain(steps).collect()
}
