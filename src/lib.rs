//! Muster: deals that happen only if enough people want them.
//!
//! The map of the code, in the order in which modules may use each other:
//!
//! - [`domain`]: what a deal, a signup and a coupon are. Pure: no async, no I/O.
//! - [`clock`]: the only place that asks what time it is.
//! - [`client_log`]: what clients saw, for the audit.
//! - [`config`]: what can be set, with its defaults.
//! - [`telemetry`], [`shutdown`]: what the process tells about itself, and how it ends.
//! - [`store`]: Postgres. Who joined what, and everything else that must not be lost.
//! - [`quota`]: Redis. Admission, the live bus, shared rate limits.
//! - [`engine`]: the verbs. Join, leave, publish, settle and so on; and the lanes.
//! - [`worker`]: when to call the engine. Settler, closer, reconciler, outbox.
//! - [`live`]: from a change of a deal's figures to the browsers that watch it.
//! - [`failpoint`]: steps at which a process under test dies. Nothing in a release.
//! - [`recent`]: a bounded map of what was used lately.
//! - [`auth`]: who is asking. Passwords, tokens, sessions.
//! - [`limits`]: who asks for too much in too short a time.
//! - [`app`]: what handlers and workers share.
//! - [`web`]: pages and the API over HTTP.
//! - [`startup`]: where everything is put together.
//! - [`dev`]: private servers, sample deals and a simulated crowd, for developers and tests.

pub mod app;
pub mod auth;
pub mod client_log;
pub mod clock;
pub mod config;
pub mod dev;
pub mod domain;
pub mod engine;
pub mod failpoint;
pub mod limits;
pub mod live;
pub mod quota;
pub mod recent;
pub mod shutdown;
pub mod startup;
pub mod store;
pub mod telemetry;
pub mod web;
pub mod worker;

pub use app::App;
