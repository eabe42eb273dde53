//! The engine without HTTP: every outcome of every verb, with Redis and without it, and under faults.

mod as_a_whole;
mod bad_rows;
mod batch;
mod close;
mod degraded;
mod in_doubt;
mod join;
mod leave;
mod overload;
mod pending;
mod plans;
mod publish;
mod raise_cap;
mod reading;
mod reconcile;
mod redeem;
mod replay;
mod settle;
mod sold_out;
mod states;
mod tip;
mod withdraw;
mod writers;

use crate::support::{self, TestApp, fault::NO_REDIS};

/// A system with Redis and one without it. Both must decide the same.
async fn with_redis_and_without() -> [TestApp; 2] {
    [support::app().start().await, support::app().with("redis.url", NO_REDIS).start().await]
}
