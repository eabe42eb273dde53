//! Parses a recorded campaign from CSV. Samples start at second 0 and their times increase; anything else is an error.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use muster::dev::crowd::Arrivals;

fuzz_target!(|csv: &[u8]| {
    match Arrivals::parse(csv) {
        Ok(arrivals) => {
            let samples = arrivals.samples();
            assert!(samples.first().is_some_and(|first| first.at == Duration::ZERO));
            assert!(samples.is_sorted_by(|one, next| one.at < next.at));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
