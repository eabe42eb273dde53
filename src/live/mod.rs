//! Live counts: from a change of a deal's figures to the browsers that watch it.
//!
//! Owns the frames, the newest frame of each watched deal, the pace at which frames go out, and every open socket with
//! its limits.
//!
//! Must never: name Redis, Postgres or their clients (figures come in through [`Hub::offer`] and the [`relay`]), queue
//! frames for a slow reader (it skips to the latest), or hold state that another node could not rebuild.
//!
//! The way of a frame: [`relay`] hears figures from the bus, or reads them again every second or two; [`hub`] drops what is
//! not newer and holds each deal to its pace; [`message`] writes the frame once; each worker's [`FanOut`] goes from socket to
//! socket and puts it on the [`wire`]; a socket that is new or slow picks the latest up from its [`outbox`] when it can, by way of
//! [`socket`]. What browsers send goes the other way only as far as [`budget`] allows.
//!
//! Always holds:
//! - the `(epoch, rev)` that one socket sees of one deal never falls, and the last one it sees is the newest offered;
//! - what one socket can make the node remember is bounded, whether it floods, stalls or stays silent.

pub mod bucket;
pub mod budget;
mod connection;
mod fan_out;
pub mod hub;
pub mod line;
pub mod message;
mod origin;
pub mod outbox;
pub mod pace;
mod refusal;
pub mod relay;
pub mod socket;
pub mod sockets;
pub mod wire;

pub use fan_out::FanOut;
pub use hub::{Hub, Subscription};
pub use refusal::Refusal;
pub use relay::News;
pub use socket::upgrade;
pub use wire::Wire;
