//! What a developer's machine is promised.

mod crowd;
mod seed;
mod servers;
mod support;
