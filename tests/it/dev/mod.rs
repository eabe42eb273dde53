//! What a developer's machine is promised.

mod crowd;
mod servers;
mod support;
