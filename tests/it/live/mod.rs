//! The live feed: frames, throttling, limits, hostile and stalled clients, and shutdown.

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
