//! What handlers and workers share: everything that a node is made of, put together in one place at the start.

use std::sync::Arc;

use crate::auth::Auth;
use crate::clock::Clock;
use crate::config::Config;
use crate::engine::Engine;
use crate::limits::Limits;
use crate::live::Hub;
use crate::store::Store;

/// A node. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The verbs.
    pub engine: Engine,
    /// What pages and lists read.
    pub store: Store,
    /// The live counts.
    pub live: Hub,
    /// Who is asking.
    pub auth: Auth,
    /// Who asks for too much.
    pub limits: Limits,
    /// What time it is.
    pub clock: Clock,
    /// What was set.
    pub config: Arc<Config>,
}
