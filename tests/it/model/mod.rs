//! Compares Muster with a small model of its promises. Buyers, Redis and nodes do anything in any order; each outcome
//! and all figures must match the model.
//!
//! [`promises`] is the model, without anything that makes Muster fast or safe. [`steps`] lists the steps. [`system`]
//! takes them with real nodes on real Postgres and Redis, and compares.
//!
//! `PROPTEST_CASES=500 make test ARGS=model::` runs longer. The seed is printed; `MUSTER_TEST_SEED=<seed>` repeats a
//! run.

mod copy;
mod node;
mod promises;
mod steps;
mod system;

use std::sync::LazyLock;

use proptest::test_runner::{Config, RngSeed};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};

use promises::Model;
use steps::Step;
use system::System;

use crate::support::rng::seed;

/// Few enough for a run of all tests.
const CASES: u32 = 12;
/// Each shrinking step starts nodes and a database. This many are enough to remove the superfluous steps of a case.
const SHRINKS_MAX: u32 = 300;

static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let is_unset = |name: &str| std::env::var_os(name).is_none();
    let mut config = Config { failure_persistence: None, ..Config::default() };
    if is_unset("PROPTEST_CASES") {
        config.cases = CASES;
    }
    if is_unset("PROPTEST_MAX_SHRINK_ITERS") {
        config.max_shrink_iters = SHRINKS_MAX;
    }
    config.rng_seed = RngSeed::Fixed(seed());
    println!("PROPTEST_CASES={}", config.cases);
    config
});

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Step;

    fn init_state() -> proptest::strategy::BoxedStrategy<Self> {
        use proptest::strategy::{Just, Strategy};
        Just(Self::new()).boxed()
    }

    fn transitions(_: &Self) -> proptest::strategy::BoxedStrategy<Step> {
        steps::any_step()
    }

    fn apply(mut model: Self, step: &Step) -> Self {
        model.apply_step(step);
        model
    }
}

struct Muster;

impl StateMachineTest for Muster {
    type SystemUnderTest = System;
    type Reference = Model;

    fn init_test(_: &Model) -> System {
        System::start()
    }

    fn apply(mut system: System, model: &Model, step: Step) -> System {
        system.apply_step(&step, model);
        system.compare(model);
        system
    }

    fn teardown(system: System, _: Model) {
        system.end();
    }
}

prop_state_machine! {
    #![proptest_config(CONFIG.clone())]

    #[test]
    fn outcomes_and_figures_always_match_the_model(sequential 10..40 => Muster);
}
