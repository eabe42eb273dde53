//! Clients that want to use a node up, against a node that is a process of its own: so what it takes in memory can be read.
//!
//! Whatever they do, its memory stays within a bound that has nothing to do with how much is sent, and people go on joining and
//! watching meanwhile. The figures are printed: `make test ARGS="hostile:: -- --nocapture"`.
//!
//! A client that vanishes without a word (its cable was pulled) looks like one that is silent or does not read any more, and
//! those are what is tested: here, and `live::stalled`. Only the kernel could tell them apart.

mod bodies;
mod heads;
mod process;
mod siege;
mod sockets;
