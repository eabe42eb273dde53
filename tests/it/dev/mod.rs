//! What a developer's machine is promised.

mod command;
mod crowd;
mod seed;
mod servers;
mod support;
