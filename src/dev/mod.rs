//! What only a developer's machine and the tests need: private servers, sample deals, a simulated crowd.

pub mod crowd;
pub mod home;
pub mod load;
pub mod people;
pub mod servers;
