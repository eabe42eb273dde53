//! Tools for developers: `muster dev`, `muster seed`, the simulated crowd and the private servers.

mod command;
mod crowd;
mod seed;
mod servers;
mod support;
