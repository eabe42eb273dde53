//! Clients that try to exhaust a node. The node is a process of its own, so its memory can be read.
//!
//! Its memory must stay within a bound that does not depend on how much is sent, while other clients join and watch.
//! The figures are printed: `make test ARGS="hostile:: -- --nocapture"`.
//!
//! A client that vanishes, say because its cable was pulled, looks like one that is silent or has stopped reading.
//! Those are tested in this module and in `live::stalled`. Only the kernel could distinguish them.

mod bodies;
mod heads;
mod process;
mod sockets;
mod target;
