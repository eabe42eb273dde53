//! Muster: deals that happen only if enough people want them.
//!
//! The map of the code. Each module uses only modules that stand before it, except that the API, pages and views of
//! slices use the web module:
//!
//! - [`domain`]: what a deal, a signup and a coupon are. Pure: no async, no I/O.
//! - [`clock`]: the only place that reads the time.
//! - [`failpoint`]: steps at which a process under test dies. A release has none.
//! - [`recent`]: a bounded cache of what was used recently.
//! - [`app::shutdown`], [`telemetry`]: how the process ends; its logs and metrics.
//! - [`config`]: the settings, with their defaults.
//! - [`store`]: Postgres. Everything that must not be lost.
//! - [`quota`]: Redis. Admission, the live bus, shared rate limits.
//! - [`engine`]: the verbs (join, leave, publish, settle …) and the lanes, which commit joins in groups.
//! - [`people`]: accounts, sessions, tokens, merchants. Identifies the caller.
//! - [`notices`]: what people are told by e-mail, and how it is delivered.
//! - [`worker`]: when to do what: settle, close, reconcile, deliver notices.
//! - [`live`]: from a change of a deal's figures to the browsers that watch it.
//! - [`limits`]: rate limits.
//! - [`app`]: what request handlers share.
//! - [`web`]: pages and the API over HTTP.
//! - [`app::startup`]: assembles a node, and takes it apart in the right order.
//! - [`dev`]: private servers, sample deals and a simulated crowd, for developers and tests.

pub mod app;
pub mod clock;
pub mod config;
pub mod dev;
pub mod domain;
pub mod engine;
pub mod failpoint;
pub mod limits;
pub mod live;
pub mod notices;
pub mod people;
pub mod quota;
pub mod recent;
pub mod store;
pub mod telemetry;
pub mod web;
pub mod worker;

pub use app::App;
