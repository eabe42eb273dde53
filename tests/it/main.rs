//! All integration tests are one binary, so it is linked once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test may panic")]

mod api;
mod architecture;
mod audit;
mod browser;
mod dev;
mod documents;
mod engine;
mod faults;
#[cfg(target_os = "linux")]
mod hostile;
mod live;
mod load;
mod lua;
mod metrics;
mod model;
mod pages;
mod people;
mod races;
mod store;
#[allow(dead_code, unused_imports, reason = "not every builder is used by every test")]
mod support;
