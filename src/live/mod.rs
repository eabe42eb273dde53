//! Live counts: from a change of a deal's figures to the browsers that watch the deal.
//!
//! Owns the frames, the newest frame of each watched deal, the rate at which frames go out, and every open socket with
//! its limits.
//!
//! Must never name Redis, Postgres or their clients: figures arrive through [`Hub::offer`] and the [`relay`]. Must
//! never queue frames for a slow reader, which skips to the latest. Must never hold state that another node could not
//! rebuild.
//!
//! A frame takes this path:
//!
//! 1. [`relay`] receives figures from the bus, and also reads them from Postgres every second or two.
//! 2. `hub` drops figures that are not newer, applies the deal's [`throttle`] and renders the [`message`] once.
//! 3. `fan_out` runs one task per deal and worker. It visits that worker's sockets and writes the frame to each
//!    `connection` directly.
//! 4. A socket that is new or cannot be written to takes the latest frame from its `send_queue` later, through `socket`.
//!
//! Bytes from browsers pass the [`inbound_limit`] first. Their content is ignored.
//!
//! Always holds:
//! - The `(epoch, rev)` that one socket sees of one deal never falls, and its last frame has the newest figures offered.
//! - One socket uses a bounded amount of memory, whether it floods, stalls or stays silent.

mod channel;
mod close_reason;
mod connection;
mod connection_handle;
mod control;
mod fan_out;
mod hub;
pub mod inbound_limit;
pub mod message;
mod origin;
mod refusal;
pub mod relay;
mod send_queue;
mod socket;
mod sockets;
pub mod throttle;
pub mod token_bucket;

pub use connection::Connection;
pub use fan_out::FanOut;
pub use hub::{Hub, Subscription};
pub use refusal::Refusal;
pub use relay::BusEvent;
pub use socket::upgrade;
pub use sockets::Sockets;
