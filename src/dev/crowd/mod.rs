//! A simulated crowd: buyers who join deals and leave them over HTTP, the way people with browsers do.
//!
//! Owns how arrivals are read or made up ([`Arrivals`]), planned ([`Schedule`]) and played ([`replay()`]). Must never join or
//! leave in another way than through the API: only its accounts and tokens come from the store ([`people`](super::people)),
//! because hashing 15,000 passwords takes an hour. Must never count what it hopes: a join or a leave counts by
//! the last answer to its key, after as many repeats as the protocol asks for.

mod arrivals;
mod client;
mod curve;
mod entertain;
mod protocol;
mod replay;
mod report;
mod schedule;
mod share;
mod tally;

pub use arrivals::{Arrivals, ArrivalsError, Sample};
pub use client::{Client, ClientError};
pub use entertain::{Stage, entertain};
pub use replay::{Pace, Replay, ReplayError, replay};
pub use report::Report;
pub use schedule::{Event, Schedule, Step, What};
pub use share::Share;
pub use tally::{Tally, Tip};
