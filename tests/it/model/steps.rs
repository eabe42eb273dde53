//! What can happen: people's verbs, time, workers, and faults.

use proptest::prelude::*;
use proptest::strategy::BoxedStrategy;

pub const DEALS: usize = 2;
pub const BUYERS: usize = 4;
const KEYS: usize = 2;

/// Where something is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    One,
    Two,
    /// A node that never reaches Redis.
    WithoutRedis,
}

/// One buyer's key in one deal: what names a signup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub deal: usize,
    pub buyer: usize,
    pub key: usize,
}

/// How far a join has come when its node dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Begun,
    Held,
    Recorded,
}

#[derive(Clone, Debug)]
pub enum Step {
    Join(At, Place, u32),
    Leave(At, Place),
    /// Hours.
    TimePasses(i64),
    Close(At),
    Settle(At),
    Withdraw(At, usize),
    /// The node dies while this join is on its way; its client asks again elsewhere.
    Crash(At, Moment, Place, u32),
    /// Redis loses everything.
    Wipe,
    /// Everything that Redis holds is put by.
    KeepCopy,
    /// Redis is started again from what was put by.
    RestartFromCopy,
    /// What was put by of the deals that still live is put back, and then reconciled.
    PutCopyBack,
    ForgetScripts,
}

pub fn any_step() -> BoxedStrategy<Step> {
    let at = || prop_oneof![3 => Just(At::One), 3 => Just(At::Two), 1 => Just(At::WithoutRedis)];
    let with_redis = prop_oneof![Just(At::One), Just(At::Two)];
    let place = || (0..DEALS, 0..BUYERS, 0..KEYS).prop_map(|(deal, buyer, key)| Place { deal, buyer, key });
    let moment = prop_oneof![Just(Moment::Begun), Just(Moment::Held), Just(Moment::Recorded)];
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
        1 => Just(Step::ForgetScripts),
    ]
    .boxed()
}
