//! A running node: its parts, which all request handlers share, and how it starts and stops.

pub mod shutdown;
pub mod startup;

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Config;
use crate::engine::Engine;
use crate::limits::Limits;
use crate::live::Hub;
use crate::people::Auth;
use crate::store::Store;

/// The parts of a node. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// Joins, leaves, publishing, settling: every change of a deal's figures or state.
    pub engine: Engine,
    /// Postgres, for reads, and for writes that change no figures, such as editing a draft.
    pub store: Store,
    /// The live feed.
    pub live: Hub,
    /// Accounts, sessions and tokens.
    pub auth: Auth,
    /// Rate limits.
    pub limits: Limits,
    /// The clock, corrected by Postgres.
    pub clock: Clock,
    /// The configuration.
    pub config: Arc<Config>,
}
