//! Parses the body of a join. An invalid body gets a client error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use muster::web::{JoinBody, parse_json};

mod problem;

fuzz_target!(|body: &[u8]| {
    if let Err(problem) = parse_json::<JoinBody>(body) {
        problem::is_the_clients(&problem);
    }
});
