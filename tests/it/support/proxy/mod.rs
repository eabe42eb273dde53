//! Proxies between a node and its servers that cause faults.

mod fault;
mod lanes;
mod twice;

pub use fault::FaultProxy;
pub use lanes::LaneProxy;
