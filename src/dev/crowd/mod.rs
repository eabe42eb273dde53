//! A simulated crowd: buyers who join and leave deals through the HTTP API.
//!
//! This module reads or generates arrivals ([`Arrivals`]), plans them ([`Schedule`]) and replays them ([`replay()`]).
//!
//! - Joins and leaves go only through the API. Accounts and tokens are created in the store
//!   ([`people`](super::people)), because hashing 15,000 passwords takes many minutes.
//! - Only the final answer to the key of a join or leave counts, after all retries that the protocol asks for.

mod arrivals;
mod background;
mod client;
mod curve;
mod keys;
mod protocol;
mod replay;
mod report;
mod schedule;
mod share;
mod tally;

pub use arrivals::{Arrivals, ArrivalsError, Sample};
pub use background::{Background, run_in_background};
pub use client::{Client, ClientError};
pub use replay::{Pace, Replay, ReplayError, replay};
pub use report::Report;
pub use schedule::{Event, Schedule, Step, What};
pub use share::Share;
pub use tally::{Tally, Tip};
