//! The steps: verbs of buyers and merchants, time, workers, and faults.

use proptest::prelude::*;
use proptest::strategy::BoxedStrategy;

pub const DEALS: usize = 2;
pub const BUYERS: usize = 4;
const KEYS: usize = 2;

/// The node that takes the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    One,
    Two,
    /// A node that never reaches Redis.
    WithoutRedis,
}

/// One buyer's key in one deal, which identifies a signup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub deal: usize,
    pub buyer: usize,
    pub key: usize,
}

/// How far a join has got when its node is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashPoint {
    Begun,
    Held,
    Recorded,
}

#[derive(Clone, Debug)]
pub enum Step {
    Join(On, Place, u32),
    Leave(On, Place),
    /// The number of hours that pass.
    TimePasses(i64),
    Close(On),
    Settle(On),
    Withdraw(On, usize),
    /// The node is killed during this join, and the client retries on another node.
    Crash(On, CrashPoint, Place, u32),
    /// Redis loses everything.
    Wipe,
    /// Copies everything in Redis.
    KeepCopy,
    /// Redis restarts from the copy.
    RestartFromCopy,
    /// Restores the copy of the deals that are not final, and reconciles.
    PutCopyBack,
    FlushScripts,
}

pub fn any_step() -> BoxedStrategy<Step> {
    let at = || prop_oneof![3 => Just(On::One), 3 => Just(On::Two), 1 => Just(On::WithoutRedis)];
    let with_redis = prop_oneof![Just(On::One), Just(On::Two)];
    let place = || (0..DEALS, 0..BUYERS, 0..KEYS).prop_map(|(deal, buyer, key)| Place { deal, buyer, key });
    let moment = prop_oneof![Just(CrashPoint::Begun), Just(CrashPoint::Held), Just(CrashPoint::Recorded)];
    let units = || 1..=3_u32;
    prop_oneof![
        20 => (at(), place(), units()).prop_map(|(at, place, units)| Step::Join(at, place, units)),
        6 => (at(), place()).prop_map(|(at, place)| Step::Leave(at, place)),
        4 => (1..=8_i64).prop_map(Step::TimePasses),
        2 => at().prop_map(Step::Close),
        3 => at().prop_map(Step::Settle),
        1 => (at(), 0..DEALS).prop_map(|(at, deal)| Step::Withdraw(at, deal)),
        3 => (with_redis, moment, place(), units())
            .prop_map(|(at, moment, place, units)| Step::Crash(at, moment, place, units)),
        2 => Just(Step::Wipe),
        3 => Just(Step::KeepCopy),
        2 => Just(Step::RestartFromCopy),
        2 => Just(Step::PutCopyBack),
        1 => Just(Step::FlushScripts),
    ]
    .boxed()
}
