//! Chance that can be repeated.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const VARIABLE: &str = "MUSTER_TEST_SEED";

/// The seed of a test: `MUSTER_TEST_SEED` if it is set, otherwise a random number.
///
/// Printed, so the output of a failed test holds it.
pub fn seed() -> u64 {
    let seed = match std::env::var(VARIABLE) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{VARIABLE} must be a whole number, not {text:?}")),
        Err(_) => rand::rng().random(),
    };
    println!("{VARIABLE}={seed} repeats this run");
    seed
}

/// The seed of a test that plays the same game every time, unless `MUSTER_TEST_SEED` names another.
pub fn seed_or(usual: u64) -> u64 {
    if std::env::var_os(VARIABLE).is_some() { seed() } else { usual }
}

/// A generator with the seed of [`seed`].
pub fn chance() -> StdRng {
    StdRng::seed_from_u64(seed())
}
