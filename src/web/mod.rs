//! The HTTP layer: the JSON API and the HTML pages.
//!
//! Owns URLs, responses, headers, and the checks that every request passes. It must never name Redis or Postgres or
//! their clients. It must never decide what a deal allows: it calls the engine and the store, and turns their outcomes
//! into responses. Handlers write drafts through the store; slices have their own handlers. They never run the
//! transaction that records a join or a leave, because actix drops a handler's future when the client resets its
//! connection.
//!
//! A request passes the `middleware` in order, reaches the handler that [`routes`] names, and is parsed by the
//! extractors in `request` before the handler runs. A failure becomes a [`problem::Problem`] with a stable
//! [`problem::Code`].

mod api;
pub(crate) mod assets;
mod content_coding;
mod join;
pub mod listen;
mod middleware;
pub(crate) mod page;
mod pages;
pub mod paging;
mod paths;
pub mod problem;
mod render_once;
pub(crate) mod request;
pub mod routes;
mod words;

pub use api::signups::join::Join as JoinBody;
pub use pages::view::markdown;
pub use request::{IdempotencyHeader, parse_json};
