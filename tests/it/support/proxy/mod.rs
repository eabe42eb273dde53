//! What stands between a node and its servers, and breaks on purpose.

mod lanes;
mod twice;
mod wire;

pub use lanes::Proxy;
pub use wire::Wire;
