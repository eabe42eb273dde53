//! What a developer's machine is promised.

mod servers;
mod support;
