//! The live feed: frames, pace, limits, hostile and stalled clients, going down.

pub mod feed;
mod frames;
mod hostile;
mod limits;
mod pace;
mod relay;
mod shutdown;
mod stalled;
mod whole;
mod wire;
