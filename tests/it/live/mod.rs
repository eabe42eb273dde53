//! The live feed: frames, pace, limits, hostile and stalled clients, going down.

mod direct_writes;
mod end_to_end;
pub mod feed;
mod frames;
mod hostile;
mod limits;
mod relay;
mod shutdown;
mod stalled;
mod throttle;
