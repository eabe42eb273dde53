//! Random numbers that can be repeated.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const VARIABLE: &str = "MUSTER_TEST_SEED";

/// The seed of a test: `MUSTER_TEST_SEED` if it is set, otherwise a random number.
///
/// The seed is printed, so the output of a failed test contains it.
pub fn seed() -> u64 {
    let seed = match std::env::var(VARIABLE) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{VARIABLE} must be a whole number, not {text:?}")),
        Err(_) => rand::rng().random(),
    };
    println!("{VARIABLE}={seed} repeats this run");
    seed
}

/// The seed of a test that is deterministic unless `MUSTER_TEST_SEED` is set.
pub fn seed_or(default: u64) -> u64 {
    if std::env::var_os(VARIABLE).is_some() { seed() } else { default }
}

/// A generator with the seed of [`seed`].
pub fn seeded_rng() -> StdRng {
    StdRng::seed_from_u64(seed())
}
