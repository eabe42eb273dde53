//! Tools for development and tests: private servers, sample deals, a simulated crowd, fault injection.

#[cfg(any(debug_assertions, feature = "failpoints"))]
pub mod chaos;
pub mod crowd;
pub mod home;
pub mod load;
mod names;
pub mod people;
pub mod ports;
mod samples;
pub mod seed;
pub mod servers;
